// Package ucl reads and edits the part of the Universal Configuration Language
// (libucl) that jail configurations are written in: scalars, quoted strings,
// here-documents, arrays, objects, named sections and comments.
//
// Scalars stay text with a flag that reports whether they were quoted, since
// libucl's guesses (10k, 007, 02ff60, on) destroy values; whoever knows the
// property's type reads the text. A key that is repeated keeps all its values
// in order; libucl makes an array of them.
//
// Includes, macros and variables are not executed. A line that begins with a
// dot is an error, and so is every text that is not understood: reading never
// ends early with a short result. Editing changes the touched values only;
// comments, order and layout stay.
package ucl
