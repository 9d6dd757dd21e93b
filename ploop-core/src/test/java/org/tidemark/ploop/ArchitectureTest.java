package org.tidemark.ploop;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import org.junit.jupiter.api.Test;

/** The tree is the architecture: imports point down. */
final class ArchitectureTest {
    private static final String BASE = "org.tidemark.ploop.";
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("org.tidemark.ploop");

    private static ArchRule only(String layer, String... below) {
        String[] allowed = new String[below.length + 4];
        allowed[0] = "java..";
        allowed[1] = "org.jspecify..";
        allowed[2] = BASE + layer + "..";
        allowed[3] = "sun.misc..";
        for (int i = 0; i < below.length; i++) {
            allowed[i + 4] = below[i].startsWith("=") ? below[i].substring(1) : BASE + below[i] + "..";
        }
        return classes()
                .that()
                .resideInAPackage(BASE + layer + "..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(allowed);
    }

    @Test
    void osKnowsNobodyAndIsTheOnlyOneThatCallsNativeCode() {
        only("os", "=jnr..", "=com.kenai..").check(CLASSES);
        noClasses()
                .that()
                .resideOutsideOfPackage(BASE + "os..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("jnr..", "com.kenai..")
                .check(CLASSES);
    }

    @Test
    void ioKnowsOs() {
        only("io", "os").check(CLASSES);
    }

    @Test
    void formatKnowsIo() {
        only("format", "io", "os", "=com.github.luben.zstd..").check(CLASSES);
    }

    @Test
    void deviceKnowsFormat() {
        only("device", "format", "io", "os", "=javax.net.ssl..").check(CLASSES);
    }

    @Test
    void theDeviceItselfDoesNotKnowHowItIsAttached() {
        noClasses()
                .that()
                .resideInAnyPackage("org.tidemark.ploop.device", BASE + "device.cbt..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(BASE + "device.attach..")
                .check(CLASSES);
    }

    @Test
    void chainAndCheckUseTheThreeLayers() {
        only("chain", "handover", "device", "format", "io", "os", "=org.w3c.dom..", "=org.xml..", "=javax.xml..")
                .check(CLASSES);
        only("handover", "io").check(CLASSES);
        only("check", "chain", "handover", "device", "format", "io", "os").check(CLASSES);
    }

    @Test
    void partitionAndFileSystemStandBesideTheDevice() {
        only("partition", "device", "io").check(CLASSES);
        only("filesystem", "io", "os").check(CLASSES);
    }

    @Test
    void serverIsOnTop() {
        noClasses()
                .that()
                .resideOutsideOfPackage(BASE + "server..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(BASE + "server..")
                .check(CLASSES);
    }

    @Test
    void noPackageHasANameThatSaysNothing() {
        noClasses()
                .should()
                .resideInAnyPackage("..common..", "..util..", "..utils..", "..helper..", "..impl..", "..manager..")
                .check(CLASSES);
    }
}
