/**
 * Several experiments side by side: differences paired by question, with intervals. Start with
 * {@link polyphony.activities.compare.Comparison}.
 */
package polyphony.activities.compare;
