package polyphony.workers;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The house has four floors, and every arrow points down. */
@AnalyzeClasses(packages = "polyphony", importOptions = DoNotIncludeTests.class)
class FloorsTest {
  private static final String[] STEPS = {
    "polyphony.activities.debate..",
    "polyphony.activities.vote..",
    "polyphony.activities.split..",
    "polyphony.activities.train..",
    "polyphony.activities.evaluate..",
    "polyphony.activities.tasks..",
    "polyphony.activities.prompts.."
  };

  @ArchTest
  static final ArchRule arrowsPointDown =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("workers")
          .definedBy("polyphony.workers..")
          .layer("activities")
          .definedBy("polyphony.activities..")
          .layer("workflows")
          .definedBy("polyphony.workflows..")
          .layer("storage")
          .definedBy("polyphony.storage..")
          .whereLayer("workers")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("activities")
          .mayOnlyBeAccessedByLayers("workers")
          .whereLayer("workflows")
          .mayOnlyBeAccessedByLayers("workers", "activities");

  @ArchTest
  static final ArchRule stepsKnowTheLanguageModelApiAlone =
      noClasses()
          .that()
          .resideInAnyPackage(STEPS)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "ai.onnxruntime..",
              "ai.djl..",
              "java.net.http..",
              "polyphony.activities.lm.onnx..",
              "polyphony.activities.lm.torch..");

  @ArchTest
  static final ArchRule theLanguageModelApiKnowsNoStep =
      noClasses()
          .that()
          .resideInAPackage("polyphony.activities.lm..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(STEPS);
}
