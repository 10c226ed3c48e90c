/**
 * What an experiment or a comparison came to, as one HTML file for people: figures, debates that
 * one can read, and every hash behind them. It needs no network and, for all but the charts, no
 * script.
 *
 * <p>Start with {@link polyphony.activities.report.ReportStep}. {@link
 * polyphony.activities.report.ExperimentReport} and {@link
 * polyphony.activities.report.ComparisonReport} are all that is shown, as records that {@link
 * polyphony.activities.report.ExperimentReader} and {@link
 * polyphony.activities.report.ComparisonReader} read from a store; {@link
 * polyphony.activities.report.ExperimentPage} and {@link
 * polyphony.activities.report.ComparisonPage} write them down. What models say is untrusted: {@link
 * polyphony.activities.report.Html} lets no text through as markup, and {@link
 * polyphony.activities.report.Page} allows no script but its own.
 */
package polyphony.activities.report;
