/**
 * Grading and measuring: {@link polyphony.activities.evaluate.EvaluateStep} turns one range of
 * answers into {@link polyphony.activities.evaluate.Measurement} lines, {@link
 * polyphony.activities.evaluate.RecordStep} sums an iteration up. The formulas are in {@link
 * polyphony.activities.evaluate.Diversity}: start there.
 */
package polyphony.activities.evaluate;
