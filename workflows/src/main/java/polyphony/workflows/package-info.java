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
 * <p>An operator acts on a running experiment by the updates of {@link
 * polyphony.workflows.MultiagentFinetuning}. {@code Pipeline} is the method and knows nothing of
 * them; {@code OperatedSteps} calls its steps as the operator lets it: held, retried, parked until
 * a person has mended something, or skipped. What an experiment can be found by is in {@link
 * polyphony.workflows.ExperimentSearchAttributes}, which servers must know first.
 *
 * <p>{@link polyphony.workflows.MethodComparison} runs several methods over several seeds, each as
 * an experiment of its own.
 *
 * <p>Workers register the implementations of all three with what {@link
 * polyphony.workflows.PolyphonyDataConverter} says, so that a wrong input ends a run instead of
 * leaving it hanging. Recorded histories are replayed in the tests: whoever changes the order of
 * steps breaks experiments that are running.
 */
package polyphony.workflows;
