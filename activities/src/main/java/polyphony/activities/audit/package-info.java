/**
 * Whether an experiment is what its records say. Start with {@link
 * polyphony.activities.audit.ExperimentAudit}; {@link polyphony.activities.audit.HistoryArchive}
 * keeps Temporal's histories in the store, and {@link polyphony.activities.audit.Healing} takes
 * away what is damaged, so that it is made anew.
 */
package polyphony.activities.audit;
