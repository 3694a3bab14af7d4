package fstab

import (
	"slices"
	"strings"
)

// Options is the fourth field of fstab(5): a comma separated list of flags
// ("ro") and settings ("size=64m"). The text is kept as it was written.
type Options string

// Option is one element of Options.
type Option struct {
	Name string
	// Value is the text after the first "=".
	Value string
	// HasValue distinguishes "size=" from "size". For nmount(2) the value of a flag
	// is absent, not empty.
	HasValue bool
}

// String returns the option as it is written, "name" or "name=value".
func (o Option) String() string {
	if o.HasValue {
		return o.Name + "=" + o.Value
	}
	return o.Name
}

// List splits the options, in order. Empty elements are omitted.
func (o Options) List() []Option {
	var list []Option
	for s := range strings.SplitSeq(string(o), ",") {
		if s == "" {
			continue
		}
		name, value, ok := strings.Cut(s, "=")
		list = append(list, Option{Name: name, Value: value, HasValue: ok})
	}
	return list
}

// Has reports whether an option of this name is present, with or without value.
func (o Options) Has(name string) bool {
	return slices.ContainsFunc(o.List(), func(opt Option) bool { return opt.Name == name })
}

// toolOptions are understood only by the tools that read fstab(5).
var toolOptions = []string{"auto", "noauto", "late", "failok", "mountprog", "userquota", "groupquota", "rq", "sw", "xx"}

// Mount returns the options for nmount(2): without those that only the tools that
// read fstab(5) understand, which a file system would reject.
func (o Options) Mount() []Option {
	return slices.DeleteFunc(o.List(), func(opt Option) bool { return slices.Contains(toolOptions, opt.Name) })
}
