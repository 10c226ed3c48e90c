/**
 * What happens, in which order: the contract between everybody who starts, executes or watches an
 * experiment, and the orchestration itself. No machine learning and no input or output here;
 * clocks, randomness and threads come from Temporal alone.
 *
 * <p>Start with {@link polyphony.workflows.MultiagentFinetuning} (an experiment) and {@link
 * polyphony.workflows.FinetuningIteration} (one round of debate, vote, split, training and
 * evaluation); {@link polyphony.workflows.Activities} lists the steps, {@link
 * polyphony.workflows.ExperimentSpec} is what a person writes and {@link
 * polyphony.workflows.SpecDefaults} what becomes of it.
 *
 * <p>Workers register {@code MultiagentFinetuningImpl} and {@code FinetuningIterationImpl}, both
 * with what {@link polyphony.workflows.PolyphonyDataConverter} says, so that a wrong input ends a
 * run instead of leaving it hanging. Recorded histories are replayed in the tests: whoever changes
 * the order of steps breaks experiments that are running.
 */
package polyphony.workflows;
