/**
 * Tells other programs how experiments are doing: start with {@link
 * polyphony.activities.notify.Notifier}. What is told, and when, is decided by the workflows.
 */
package polyphony.activities.notify;
