package org.tidemark.appliance.ui;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** One page of a real Chromium, Debian's own, spoken to by what a user sees: names of buttons, links and fields. */
final class Screen implements AutoCloseable {
    static final String CHROMIUM = "chromium-headless-shell";

    private static final Path PICTURES = Path.of("target", "screenshots");
    private static final int WIDTH = 1360;
    private static final int HEIGHT = 900;
    private static final double PATIENCE_MILLIS = 60_000;

    private final Playwright playwright;
    private final Browser browser;
    private final Page page;
    private final List<String> complaints = new ArrayList<>();
    private int pictures;

    Screen() {
        playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        browser = playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(Path.of("/usr/bin", CHROMIUM))
                        .setArgs(List.of("--no-sandbox")));
        page = browser.newPage(new Browser.NewPageOptions().setViewportSize(WIDTH, HEIGHT));
        page.setDefaultTimeout(PATIENCE_MILLIS);
        page.onPageError(complaints::add);
    }

    Page page() {
        return page;
    }

    /** What scripts of the page threw. */
    List<String> complaints() {
        return complaints;
    }

    void press(String button) {
        page.getByRole(
                        AriaRole.BUTTON,
                        new Page.GetByRoleOptions().setName(button).setExact(true))
                .click();
    }

    /** The same inside the dialog that is open; the page behind it may have a button of that name too. */
    void pressInDialog(String button) {
        dialog().getByRole(
                        AriaRole.BUTTON,
                        new Locator.GetByRoleOptions().setName(button).setExact(true))
                .click();
    }

    void follow(String link) {
        page.getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName(link).setExact(true))
                .first()
                .click();
    }

    void fill(String field, String text) {
        page.locator("#" + field).fill(text);
    }

    /** Waits until the words are to be seen. */
    void see(String words) {
        page.getByText(words).first().waitFor();
    }

    void awaitNoDialog() {
        dialog().waitFor(new Locator.WaitForOptions()
                .setState(com.microsoft.playwright.options.WaitForSelectorState.HIDDEN));
    }

    Locator dialog() {
        return page.getByRole(AriaRole.DIALOG);
    }

    void picture(String name) {
        String file = String.format("%02d-%s.png", ++pictures, name);
        page.screenshot(new Page.ScreenshotOptions().setPath(PICTURES.resolve(file)));
    }

    @Override
    public void close() {
        browser.close();
        playwright.close();
    }
}
