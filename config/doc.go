// Package config reads, checks and writes the properties of jails, releases
// and defaults as libioc, iocage and iocage_legacy store them: config.json,
// the UCL file config, and ZFS user properties.
//
// # Reading
//
// [ReadDir] and [ReadDefaults] find a file, [Parse] takes text and
// [FromProperties] takes ZFS properties. All return a [Config], one resource's
// own properties. It reads every spelling that the three programs write: JSON
// numbers, yes/no/on/off/true/false/1/0, none, -, off, auto. The type of a value
// comes from the schema ([Lookup], [Properties]), never from its text.
//
// An [Effective] adds inheritance: the jail's own value, else the value of the
// defaults resource, else the schema's default.
//
// A value is read in one of three ways. Raw: [Config.Raw] returns the text as it
// is stored, and [Effective.Text] the effective value as canonical text; both take
// any key, for programs that copy or print configurations. Typed: a [Key] of
// package config/key returns a Go value, key.Priority.Of(eff), and a misspelled
// key does not compile. For selectors: jail.Field returns the texts that filters,
// columns and [Terms] compare, and knows the jail's state besides its properties.
//
// # Writing
//
// [Config.Set] checks a value and stores canonical text that libioc and iocage
// both read. [Config.Save] replaces the file atomically. Unknown keys, the order of
// keys, comments and invalid values are written back as they were; a
// configuration without changes is written back byte for byte.
//
// # Errors
//
// Text that is not valid JSON or UCL is a [SyntaxError]. Everything else loads, and
// [Config.Problems] lists each unknown key and invalid value as a [PropertyError];
// [Config.Validate] is the strict mode that returns them as an error.
package config
