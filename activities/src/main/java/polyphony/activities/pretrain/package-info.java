/**
 * How the built-in model came to be: a corpus written by a program, and the schedule of its
 * pretraining. Start with {@link polyphony.activities.pretrain.PretrainingRecipe}; {@link
 * polyphony.activities.pretrain.ArithmeticDialect} is the language that the model learns.
 */
package polyphony.activities.pretrain;
