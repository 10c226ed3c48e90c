/**
 * A store as a whole: what names what, whether it is intact, and what nobody needs any more. Start
 * with {@link polyphony.storage.audit.StoreGraph}; {@link polyphony.storage.audit.Pruning} deletes.
 */
package polyphony.storage.audit;
