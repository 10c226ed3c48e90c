/**
 * Several experiments side by side: differences paired by question, with intervals, ranks as far as
 * these support them, and what every method cost. Start with {@link
 * polyphony.activities.compare.Comparison}; {@link polyphony.activities.compare.CompareStep} is the
 * end of the workflow {@link polyphony.workflows.MethodComparison}, which leaves a {@link
 * polyphony.activities.compare.RecordedComparison}.
 */
package polyphony.activities.compare;
