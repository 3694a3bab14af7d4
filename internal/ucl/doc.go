// Package ucl reads and edits the part of the Universal Configuration Language
// (libucl) that jail configurations are written in: scalars, quoted strings,
// here-documents, arrays, objects, named sections and comments.
//
// Scalars are text with a flag that reports whether they were quoted, since
// libucl's guesses (10k, 007, 02ff60, on) destroy values; a caller that knows the
// property's type reads the text. A repeated key keeps all its values in order;
// libucl makes them an array.
//
// Includes, macros and variables are not executed. A line that begins with a
// dot is an error, and so is every text that is not understood: Parse never returns
// part of a file. Editing changes only the edited values; comments, order and
// layout are preserved.
package ucl
