package org.tidemark.backup;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The arrows of docs and package pages, held. */
class ArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("org.tidemark.backup");

    @Test
    void importsPointDown() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("engine")
                .definedBy("org.tidemark.backup.engine..")
                .layer("repository")
                .definedBy("org.tidemark.backup.repository..")
                .layer("target")
                .definedBy("org.tidemark.backup.target..")
                .layer("replication")
                .definedBy("org.tidemark.backup.replication..")
                .whereLayer("engine")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("replication")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("repository")
                .mayOnlyBeAccessedByLayers("engine", "replication")
                .whereLayer("target")
                .mayOnlyBeAccessedByLayers("repository", "engine", "replication")
                .check(CLASSES);
    }

    @Test
    void onlyTheEngineKnowsPloop() {
        noClasses()
                .that()
                .resideOutsideOfPackages("org.tidemark.backup.engine..", "org.tidemark.backup.target.nfs..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.tidemark.ploop..")
                .check(CLASSES);
    }

    @Test
    void theNfsTargetKnowsLibnfsAndNothingOfImages() {
        noClasses()
                .that()
                .resideInAPackage("org.tidemark.backup.target.nfs..")
                .should()
                .dependOnClassesThat(
                        com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage("org.tidemark.ploop..")
                                .and(com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage(
                                        "org.tidemark.ploop.os..")))
                .check(CLASSES);
    }

    @Test
    void theRepositoryKnowsNoParticularTarget() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "org.tidemark.backup.repository..",
                        "org.tidemark.backup.engine..",
                        "org.tidemark.backup.replication..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "org.tidemark.backup.target.local..",
                        "org.tidemark.backup.target.memory..",
                        "org.tidemark.backup.target.nfs..",
                        "org.tidemark.backup.target.s3..")
                .check(CLASSES);
    }

    @Test
    void onlyTheS3TargetKnowsTheSdkAndOnlyItsProbeDeletes() {
        noClasses()
                .that()
                .resideOutsideOfPackage("org.tidemark.backup.target.s3..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("software.amazon..")
                .check(CLASSES);
        noClasses()
                .that()
                .doNotHaveSimpleName("S3Probe")
                .should()
                .dependOnClassesThat()
                .haveNameMatching(".*\\.Delete(Object|Objects|Bucket)[A-Za-z]*Request.*")
                .check(CLASSES);
    }

    @Test
    void noPackageForEverythingAndNothing() {
        noClasses()
                .should()
                .resideInAnyPackage("..common..", "..util..", "..helper..", "..impl..", "..manager..")
                .check(CLASSES);
        noClasses().should().haveNameMatching(".*(Impl|Manager|Helper|Utils?)").check(CLASSES);
    }

    @Test
    void everyPackageHasItsPage() {
        classes()
                .that()
                .haveSimpleName("BackupTarget")
                .should()
                .beInterfaces()
                .andShould()
                .bePublic()
                .check(CLASSES);
        CLASSES.stream()
                .map(type -> type.getPackage())
                .distinct()
                .forEach(folder -> org.assertj.core.api.Assertions.assertThat(folder.tryGetPackageInfo())
                        .as("package-info of " + folder.getName())
                        .isPresent());
    }

    @Test
    void noTargetCanDelete() {
        noClasses()
                .that()
                .areAssignableTo("org.tidemark.backup.target.BackupTarget")
                .should()
                .haveSimpleNameContaining("Delet")
                .check(CLASSES);
        for (var method : org.tidemark.backup.target.BackupTarget.class.getMethods()) {
            org.assertj.core.api.Assertions.assertThat(method.getName())
                    .doesNotContainIgnoringCase("delete")
                    .doesNotContainIgnoringCase("remove")
                    .doesNotContainIgnoringCase("replace");
        }
    }
}
