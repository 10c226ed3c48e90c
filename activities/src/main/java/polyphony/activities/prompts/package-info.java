/**
 * What agents are told: prompt sets, one text file per role below {@code polyphony/prompts} on the
 * class path. Start with {@link polyphony.activities.prompts.PromptSet}.
 */
package polyphony.activities.prompts;
