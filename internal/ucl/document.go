package ucl

import "fmt"

// A SyntaxError is a syntax error with its place.
type SyntaxError struct {
	Line   int // 1-based
	Column int // 1-based, in bytes
	Reason string
}

// Error returns text such as `3:7: expected a value`.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Reason) }

// Kind is the kind of a Value.
type Kind uint8

// The kinds.
const (
	Scalar Kind = iota
	List
	Object
)

// A Value is a scalar, a list or an object.
type Value struct {
	Kind   Kind
	Text   string  // Scalar: decoded text
	Quoted bool    // Scalar: was quoted, or a here-document
	Items  []Value // List
	Fields []Field // Object, in order, repeated keys included
	Start  int     // byte offsets of the value in the source
	End    int
}

// A Field is a key with one value.
type Field struct {
	Key   string
	Value Value
	Start int // byte offset of the key
	End   int // after the terminator, if there is one, else after the value
}

// A Document is a parsed text.
type Document struct {
	Fields []Field // of the top level

	src []byte
	end int // where a new field goes: the end, or before a closing brace
}

// Leaf is a value that is not an object, with its path of keys joined by dots. A
// key that itself has dots looks the same, as in libioc.
type Leaf struct {
	Path  string
	Field Field
}

// Leaves returns all values that are not objects, in order.
func (d *Document) Leaves() []Leaf { return leaves(nil, "", d.Fields) }

func leaves(list []Leaf, prefix string, fields []Field) []Leaf {
	for _, f := range fields {
		path := prefix + f.Key
		if f.Value.Kind == Object {
			list = leaves(list, path+".", f.Value.Fields)
		} else {
			list = append(list, Leaf{path, f})
		}
	}
	return list
}

// Source returns the exact text of a value.
func (d *Document) Source(v Value) string { return string(d.src[v.Start:v.End]) }
