/**
 * Processes: the command line, the stack that it runs an experiment on (a Temporal service, a
 * worker and a store, all in this process unless the settings name servers), and what a person sees
 * of a run.
 *
 * <p>Start with {@link polyphony.workers.Polyphony} (the command line), {@link
 * polyphony.workers.RunCommand} (everything in one process) and {@link
 * polyphony.workers.WorkerCommand} (the work alone, for servers); {@link
 * polyphony.workers.RemoteExperiment} is what the other commands see of an experiment. {@link
 * polyphony.workers.CommandHelp} says how all commands present themselves, {@link
 * polyphony.workers.Configuration} what they are told and by whom. {@link
 * polyphony.workers.Assembly} is the one place where the parts of the lower floors are put
 * together.
 */
package polyphony.workers;
