/**
 * What came of what: from a number to the answers, weights, examples and votes behind it, and from
 * weights or data to all that was made of them. Start with {@link
 * polyphony.activities.lineage.Lineage}, a walk over step manifests; {@link
 * polyphony.activities.lineage.ShapingExamples} and {@link
 * polyphony.activities.lineage.QuestionStory} look into the artifacts, at single examples and
 * answers.
 */
package polyphony.activities.lineage;
