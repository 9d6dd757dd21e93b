package org.tidemark.appliance;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tidemark.appliance.security.SecretBox;

/**
 * Imports point down: cli -> client, demo, service -> persistence -> the libraries; rest and health -> service, security;
 * everything -> config, failure.
 */
final class ArchitectureTest {
    private static final String BASE = "org.tidemark.appliance.";
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            // What other modules lend to our tests is test code too.
            .withImportOption(location -> !location.contains("-tests.jar"))
            .importPackages("org.tidemark");

    private static void above(String upper, String lower) {
        noClasses()
                .that()
                .resideInAPackage(lower)
                .should()
                .dependOnClassesThat()
                .resideInAPackage(upper)
                .check(CLASSES);
    }

    @Test
    void librariesDoNotKnowTheAppliance() {
        above("org.tidemark.appliance..", "org.tidemark.ploop..");
        above("org.tidemark.appliance..", "org.tidemark.backup..");
        above("org.tidemark.backup..", "org.tidemark.ploop..");
    }

    @Test
    void theCommandLineIsOnTop() {
        above(BASE + "cli..", BASE + "service..");
        above(BASE + "cli..", BASE + "demo..");
        above(BASE + "cli..", BASE + "persistence..");
        above(BASE + "demo..", BASE + "service..");
        above(BASE + "service..", BASE + "persistence..");
    }

    @Test
    void restAndHealthAreOnTopOfTheServices() {
        for (String upper : List.of("rest..", "health..")) {
            for (String lower : List.of("service..", "security..", "persistence..", "config..", "failure..", "cli..")) {
                above(BASE + upper, BASE + lower);
            }
        }
        above(BASE + "security..", BASE + "persistence..");
        above(BASE + "service..", BASE + "security..");
        for (String upper : List.of("service..", "security..", "persistence..")) {
            above(BASE + upper, BASE + "config..");
            above(BASE + upper, BASE + "failure..");
        }
        above(BASE + "config..", BASE + "failure..");
    }

    @Test
    void servicesKnowNothingOfWhoMayDoWhatButOnlySealSecrets() {
        noClasses()
                .that()
                .resideInAPackage(BASE + "service..")
                .should()
                .dependOnClassesThat(resideInAPackage(BASE + "security..").and(not(type(SecretBox.class))))
                .check(CLASSES);
    }

    /**
     * But for the check of its health, the words for why it did not open, and the demo, which brings a database of its own
     * as the load.
     */
    @Test
    void onlyTheCatalogueSpeaksToTheDatabase() {
        noClasses()
                .that()
                .resideInAPackage("org.tidemark.appliance..")
                .and()
                .resideOutsideOfPackages(
                        BASE + "persistence..",
                        BASE + "security..",
                        BASE + "health..",
                        BASE + "demo..",
                        "org.tidemark.appliance")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.jdbi..", "java.sql..", "javax.sql..", "org.h2..", "org.flywaydb..")
                .check(CLASSES);
    }

    @Test
    void theCommandLineStartsWithoutTheFramework() {
        noClasses()
                .that()
                .resideInAnyPackage(BASE + "cli..", BASE + "client..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.quarkus..", "io.vertx..", "io.smallrye..", "jakarta..", BASE + "rest..")
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage(BASE + "client..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(BASE + "service..", BASE + "persistence..", BASE + "cli..", BASE + "security..")
                .check(CLASSES);
    }

    @Test
    void nothingButTheEngineBringsImagesAndRepositoriesTogether() {
        noClasses()
                .that()
                .resideInAPackage("org.tidemark.backup..")
                .and()
                .resideOutsideOfPackages("org.tidemark.backup.engine..", "org.tidemark.backup.target.nfs..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.tidemark.ploop..")
                .check(CLASSES);
    }
}
