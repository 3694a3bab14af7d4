package jailparam

import (
	"bytes"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Read is one jail_get(2) in preparation: every name goes to the kernel
// once, because of a name asked for twice, or as foo and nofoo, it fills only
// the last.
type Read struct {
	Pairs []abi.Pair
	// fields are the wanted names, each with the pair that answers it.
	fields []readField
}

type readField struct {
	name   string
	pair   int
	invert bool // the boolean's other form was asked of the kernel
}

// NewRead encodes the key and a buffer for each wanted parameter. grow is
// what the buffers of address lists and unknown types are multiplied by.
func NewRead(key kernel.Param, want []string, find func(string) (kernel.ParamInfo, bool), grow int) Read {
	value := bytes.Clone(key.Data)
	if key.Name == "name" && len(value) < maxJailName {
		// The kernel reads the name from the buffer and writes it back there.
		value = append(value, make([]byte, maxJailName-len(value))...)
	}
	r := Read{Pairs: []abi.Pair{abi.NewPair(key.Name, value)}}
	at := map[string]int{key.Name: 0}
	for _, name := range want {
		plain, _ := words.StripNo(name)
		if i, ok := at[name]; ok {
			r.fields = append(r.fields, readField{name, i, false})
			continue
		}
		info, ok := find(name)
		if !ok {
			info = kernel.ParamInfo{Name: name, Type: kernel.ParamInt, Size: 4} // the kernel will name it
		}
		asked, invert := name, false
		if info.Type == kernel.ParamBool && info.Name == plain && plain != name {
			asked, invert = plain, true
		}
		i, ok := at[asked]
		if !ok {
			size := readSize(info)
			switch info.Type {
			case kernel.ParamAddr4, kernel.ParamAddr6, kernel.ParamRaw, kernel.ParamString:
				size *= grow
			}
			i = len(r.Pairs)
			at[asked] = i
			r.Pairs = append(r.Pairs, abi.NewPair(asked, make([]byte, max(size, 4))))
		}
		r.fields = append(r.fields, readField{name, i, invert})
	}
	return r
}

// Params returns the answers in the order asked; lengths are what the kernel wrote
// for each pair.
func (r Read) Params(lengths []int) kernel.Params {
	out := make(kernel.Params, 0, len(r.fields))
	for _, f := range r.fields {
		value := r.Pairs[f.pair].Value
		value = bytes.Clone(value[:min(lengths[f.pair], len(value))])
		if value == nil {
			value = []byte{}
		}
		if f.invert {
			value = kernel.Int("", 1-int(abi.Uint(value))).Data
		}
		out = append(out, kernel.Param{Name: f.name, Data: value})
	}
	return out
}
