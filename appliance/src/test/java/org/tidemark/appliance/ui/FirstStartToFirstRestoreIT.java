package org.tidemark.appliance.ui;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.appliance.demo.ApplianceProcess;
import org.tidemark.ploop.testing.Requires;

/** The way of a new operator in a real browser, from the link that the first start prints to the first restore. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "npm", Screen.CHROMIUM})
@Timeout(300)
class FirstStartToFirstRestoreIT {
    private static final String PASSWORD = "low tide at a quarter past six";
    private static final String FIRST = "written before the first recovery point\n";
    private static final String SECOND = "written before the second recovery point\n";

    private Cli cli;
    private ApplianceProcess appliance;
    private Screen screen;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("ui-");
        appliance = ApplianceProcess.in(cli.folder()).start();
        screen = new Screen();
    }

    @AfterEach
    void stop() throws IOException {
        if (screen != null) {
            screen.picture("end");
            screen.close();
        }
        if (appliance != null) {
            appliance.close();
        }
        cli.close();
    }

    @Test
    void firstStartToFirstRestore() throws Exception {
        Path image = cli.path("web");
        Path root = Files.createDirectory(cli.path("root"));
        cli.ok("image", "create", image.toString(), "--size", "256M", "--fs", "ext4");

        createFirstUser();
        addTarget(Files.createDirectory(cli.path("vault")));
        attach(image, root, false);
        Path file = root.resolve("file");
        Files.writeString(file, FIRST);
        addContainer(image);
        backUp("backup-done");
        Files.writeString(file, SECOND);
        backUp("increment-done");

        Path restored = cli.path("web-restored");
        restoreOlderPoint(restored);
        Path mounted = Files.createDirectory(cli.path("restored"));
        attach(restored, mounted, true);
        assertThat(mounted.resolve("file")).hasContent(FIRST);
        assertThat(file).hasContent(SECOND);

        createPolicy();
        screen.follow("Overview");
        screen.see("All is well");
        screen.picture("all-is-well");
        signOutAndIn();
        assertThat(screen.complaints()).isEmpty();
    }

    private void createFirstUser() throws IOException {
        screen.page().navigate(appliance.setupLink().orElseThrow());
        screen.see("Welcome");
        screen.fill("user-name", "operator");
        screen.fill("password", PASSWORD);
        screen.fill("password-again", PASSWORD);
        screen.picture("set-up");
        screen.press("Create user and begin");
        screen.see("Nothing is protected yet");
        screen.picture("first-steps");
    }

    private void addTarget(Path folder) {
        screen.follow("Add a target");
        screen.fill("name", "vault");
        screen.fill("path", cli.path("nowhere").resolve("deep").toString());
        screen.pressInDialog("Test the connection");
        Locator test = screen.page().getByTestId("connection-test");
        test.getByText("there is no folder").first().waitFor();
        screen.picture("connection-fails");

        screen.fill("path", folder.toString());
        screen.pressInDialog("Test the connection");
        screen.see("The connection works");
        screen.picture("connection-works");
        screen.pressInDialog("Add target");
        screen.awaitNoDialog();
        screen.see("Reachable");
    }

    private void attach(Path image, Path mount, boolean readOnly) {
        screen.follow("Devices");
        screen.press("Attach image");
        screen.fill("image", image.toString());
        screen.fill("mount", mount.toString());
        if (readOnly) {
            screen.page().locator("#read-only").check();
        }
        screen.pressInDialog("Attach");
        screen.awaitNoDialog();
        screen.see(mount.toString());
        screen.picture("attached");
    }

    private void addContainer(Path image) {
        screen.follow("Containers");
        screen.press("Add container");
        screen.fill("source", image.toString());
        screen.pressInDialog("Look");
        screen.see("ext4");
        screen.picture("container-found");
        screen.pressInDialog("Add container");
        screen.see("No recovery point yet");
    }

    private void backUp(String picture) {
        screen.follow("Containers");
        screen.follow("web");
        screen.press("Back up now");
        screen.pressInDialog("Back up");
        screen.see("Backup done");
        screen.see("Frozen for");
        screen.picture(picture);
    }

    private void restoreOlderPoint(Path destination) {
        screen.follow("Containers");
        screen.follow("web");
        Locator marks = screen.page().getByRole(AriaRole.OPTION);
        marks.first().waitFor();
        screen.press("Show all 2 as a table");
        Locator rows = screen.page()
                .getByRole(AriaRole.GRID, new Page.GetByRoleOptions().setName("Recovery points"))
                .locator("tbody tr");
        assertThat(rows.count()).isEqualTo(2);
        rows.last().click();
        screen.see("Full, number 1");
        screen.picture("time-line");
        screen.press("Restore this point");
        screen.fill("destination", destination.toString());
        screen.picture("restore");
        screen.pressInDialog("Restore");
        screen.see("Restore done");
        assertThat(screen.dialog().textContent()).contains(destination.toString());
        screen.picture("restored");
        screen.dialog()
                .getByText("Close", new Locator.GetByTextOptions().setExact(true))
                .last()
                .click();
    }

    private void createPolicy() {
        screen.follow("Policies");
        screen.press("Create policy");
        screen.fill("name", "every-quarter-hour");
        screen.page().locator("#container-web").check();
        screen.page().locator(".tm-preview").waitFor();
        screen.picture("policy");
        screen.pressInDialog("Create policy");
        screen.awaitNoDialog();
        screen.see("every-quarter-hour");
        screen.picture("policies");
    }

    private void signOutAndIn() {
        screen.press("operator");
        screen.page().getByText("Sign out").click();
        screen.fill("user-name", "operator");
        screen.fill("password", "a wrong one, quite long");
        screen.press("Sign in");
        screen.page().locator(".pf-v6-c-alert").waitFor();
        screen.fill("password", PASSWORD);
        screen.press("Sign in");
        screen.see("All is well");
    }
}
