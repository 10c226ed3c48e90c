package polyphony.workers;

import polyphony.workflows.Activities;

/** The steps' implementations, by the queue that they serve. */
record StepActivities(
    Activities.Light light, Activities.Sampling sampling, Activities.Training training) {}
