package polyphony.workflows;

/**
 * Marks what people type to start a workflow. Where such an input cannot be read, the workflow
 * fails at once with the field's name, instead of being retried for ever.
 */
public interface WorkflowInput {}
