/**
 * Mathematical answers as trees, and when two of them are the same. Start with {@link
 * polyphony.activities.grading.algebra.AnswerComparison}. Equality of expressions is decided by
 * evaluating both at the same points: exactly, with rational numbers, wherever an expression is
 * rational there, and otherwise in double precision. Two different polynomials of the sizes that
 * occur agree at several such points with negligible probability (Schwartz and Zippel).
 */
package polyphony.activities.grading.algebra;
