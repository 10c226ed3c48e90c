/**
 * From what a person asked for to an experiment with nothing left open. Start with {@link
 * polyphony.activities.resolve.ResolveStep}; {@link polyphony.activities.resolve.ModelRegistry}
 * knows the base models by name, {@link polyphony.activities.resolve.StoredModels} every other one,
 * {@code QuestionSets} which questions an experiment has.
 */
package polyphony.activities.resolve;
