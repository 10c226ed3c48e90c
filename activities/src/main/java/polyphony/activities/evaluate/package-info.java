/**
 * Grading and measuring: {@link polyphony.activities.evaluate.EvaluateStep} turns one range of
 * answers into {@link polyphony.activities.evaluate.Measurement} lines, {@link
 * polyphony.activities.evaluate.RecordStep} sums an iteration up. The formulas are in {@link
 * polyphony.activities.evaluate.Diversity}: start there. Models that take no part in the debate
 * measure by {@link polyphony.activities.evaluate.OutsideJudge} and {@link
 * polyphony.activities.evaluate.AnswerEncoder}.
 */
package polyphony.activities.evaluate;
