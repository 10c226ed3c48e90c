package polyphony.workflows;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Set;
import org.junit.jupiter.api.Test;
import polyphony.storage.ArtifactRef;

/** What keeps workflow code deterministic, and the floors of the house apart. */
@AnalyzeClasses(
    packages = "polyphony.workflows",
    importOptions = ImportOption.DoNotIncludeTests.class)
class OrchestrationRulesTest {
  /**
   * Not workflow code: how payloads are read, and what the command line asks before it starts
   * anything. Of these, workflows call {@link ExperimentNames}' pure functions alone.
   */
  private static final DescribedPredicate<JavaClass> EXEMPT =
      belongToAnyOf(PolyphonyDataConverter.class, SpecConflicts.class, ExperimentNames.class)
          .as("not workflow code");

  private static final Set<String> FORBIDDEN_CALLS =
      Set.of(
          "java.lang.System.currentTimeMillis",
          "java.lang.System.nanoTime",
          "java.lang.System.getenv",
          "java.lang.System.getProperty",
          "java.lang.System.identityHashCode",
          "java.lang.Math.random",
          "java.util.UUID.randomUUID",
          "java.util.Collections.shuffle");

  @ArchTest
  static final ArchRule noInputOrOutputNoThreadsNoRandomness =
      noClasses()
          .that(not(EXEMPT))
          .should()
          .dependOnClassesThat(
              resideInAnyPackage(
                      "java.io..",
                      "java.nio..",
                      "java.net..",
                      "java.security..",
                      "java.sql..",
                      "java.util.concurrent..",
                      "java.util.random..",
                      "java.util.logging..",
                      "java.lang.ref..",
                      "com.fasterxml.jackson.databind..")
                  .or(
                      belongToAnyOf(
                          Thread.class,
                          ThreadLocal.class,
                          Runtime.class,
                          Process.class,
                          ProcessBuilder.class,
                          java.util.Random.class,
                          java.util.Timer.class)));

  @ArchTest
  static final ArchRule noClocks =
      noClasses()
          .that(not(EXEMPT))
          .should()
          .accessTargetWhere(
              new DescribedPredicate<JavaAccess<?>>("reads a clock or draws at random") {
                @Override
                public boolean test(JavaAccess<?> access) {
                  String target =
                      access.getTargetOwner().getName() + "." + access.getTarget().getName();
                  return FORBIDDEN_CALLS.contains(target)
                      || (access.getTargetOwner().getPackageName().equals("java.time")
                          && access.getTarget().getName().equals("now"))
                      || access.getTargetOwner().isEquivalentTo(java.time.Clock.class)
                      || access.getTargetOwner().isEquivalentTo(java.util.Date.class);
                }
              });

  @ArchTest
  static final ArchRule noStaticMutableState = fields().that().areStatic().should().beFinal();

  @ArchTest
  static final ArchRule ofStorageOnlyReferences =
      noClasses()
          .should()
          .dependOnClassesThat(
              resideInAPackage("polyphony.storage..").and(not(type(ArtifactRef.class))));

  @ArchTest
  static final ArchRule noOtherFloor =
      noClasses()
          .should()
          .dependOnClassesThat(resideInAnyPackage("polyphony.activities..", "polyphony.workers.."));

  /** Breaks every rule about workflow code. */
  static final class Offender {
    static int runs;

    static String run() throws java.io.IOException {
      runs++;
      if (java.time.Instant.now().getEpochSecond() == 0 || System.nanoTime() == 0) {
        throw new java.io.IOException("late");
      }
      return polyphony.storage.ErrorClass.DATA.name();
    }
  }

  @Test
  void everyRuleNoticesAnOffender() {
    JavaClasses offender = new ClassFileImporter().importClasses(Offender.class);
    assertThat(noInputOrOutputNoThreadsNoRandomness.evaluate(offender).hasViolation()).isTrue();
    assertThat(noClocks.evaluate(offender).getFailureReport().getDetails()).hasSize(2);
    assertThat(noStaticMutableState.evaluate(offender).hasViolation()).isTrue();
    assertThat(ofStorageOnlyReferences.evaluate(offender).hasViolation()).isTrue();
  }
}
