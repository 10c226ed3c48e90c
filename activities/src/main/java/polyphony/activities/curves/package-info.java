/**
 * What a store holds of an experiment, as curves for other programs. Start with {@link
 * polyphony.activities.curves.Curves}; {@link polyphony.activities.curves.TensorBoardFolder} and
 * {@link polyphony.activities.curves.MlflowExport} write them.
 */
package polyphony.activities.curves;
