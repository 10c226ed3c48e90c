/**
 * The finetuning of one model on its own training set. Start with {@link
 * polyphony.activities.train.TrainStep}; {@link polyphony.activities.train.FinetuningBatches}
 * decides which examples every optimizer step sees.
 */
package polyphony.activities.train;
