/**
 * Questions that others wrote: published files, read as they are, checked, and kept in the store by
 * hash under a name. Start with {@link polyphony.activities.data.DataImport}; {@link
 * polyphony.activities.data.DataRegistry} finds what was imported.
 */
package polyphony.activities.data;
