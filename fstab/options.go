package fstab

import (
	"slices"
	"strings"
)

// Options is the fourth field of fstab(5): a comma separated list of flags
// ("ro") and of settings ("size=64m"). The text is kept as it was written.
type Options string

// Option is one element of Options.
type Option struct {
	Name string
	// Value is what follows the first "=".
	Value string
	// HasValue tells "size=" from "size". nmount(2) wants a flag's value to be
	// absent, not empty.
	HasValue bool
}

// String returns the option as it is written, "name" or "name=value".
func (o Option) String() string {
	if o.HasValue {
		return o.Name + "=" + o.Value
	}
	return o.Name
}

// List splits the options, in order. Empty elements are left out.
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

// Value returns the value of the last option with this name, as the last one
// counts for mount(8), and whether there is one that has a value.
func (o Options) Value(name string) (string, bool) {
	for _, opt := range slices.Backward(o.List()) {
		if opt.Name == name && opt.HasValue {
			return opt.Value, true
		}
	}
	return "", false
}

// ReadOnly reports whether the last of ro, rdonly, norw and rw, noro, rq is one
// of the first three.
func (o Options) ReadOnly() bool {
	ro := false
	for _, opt := range o.List() {
		switch opt.Name {
		case "ro", "rdonly", "norw":
			ro = true
		case "rw", "noro", "rq":
			ro = false
		}
	}
	return ro
}

// With returns the options with opt in the place of every option of that name,
// or at the end when there was none.
func (o Options) With(opt Option) Options {
	list := o.List()
	i := slices.IndexFunc(list, func(have Option) bool { return have.Name == opt.Name })
	if i < 0 {
		return JoinOptions(append(list, opt))
	}
	list[i] = opt
	rest := slices.DeleteFunc(list[i+1:], func(have Option) bool { return have.Name == opt.Name })
	return JoinOptions(list[:i+1+len(rest)])
}

// Without returns the options without those of the given names.
func (o Options) Without(names ...string) Options {
	return JoinOptions(slices.DeleteFunc(o.List(), func(opt Option) bool {
		return slices.Contains(names, opt.Name)
	}))
}

// Mount returns what is meant for nmount(2): all options but those which only
// the tools that read fstab(5) understand, and which a file system refuses.
func (o Options) Mount() []Option {
	return o.Without("auto", "noauto", "late", "failok", "mountprog", "userquota", "groupquota",
		"rq", "sw", "xx").List()
}

// JoinOptions writes a list of options as one field.
func JoinOptions(list []Option) Options {
	words := make([]string, len(list))
	for i, opt := range list {
		words[i] = opt.String()
	}
	return Options(strings.Join(words, ","))
}
