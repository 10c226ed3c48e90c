/**
 * Processes: the command line, the stack that it runs an experiment on (a Temporal service, a
 * worker and a store, all in this process unless the environment names servers), and what a person
 * sees of a run.
 *
 * <p>Start with {@link polyphony.workers.Polyphony} (the command line) and {@link
 * polyphony.workers.RunCommand}; {@link polyphony.workers.Assembly} is the one place where the
 * parts of the lower floors are put together.
 */
package polyphony.workers;
