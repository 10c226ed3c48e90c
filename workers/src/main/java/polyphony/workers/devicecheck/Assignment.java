package polyphony.workers.devicecheck;

import java.nio.file.Path;

/**
 * What a part's process is told.
 *
 * @param device as {@code --device} names it
 * @param reduced whether everything is as small as it can be
 * @param scratch where models and states of trainings lie, for all parts
 */
record Assignment(Part part, String device, boolean reduced, Path scratch) {}
