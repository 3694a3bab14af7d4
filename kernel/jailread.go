package kernel

import "bytes"

// jailRead is one jail_get(2) being put together: every name goes to the kernel
// once, because of a name asked for twice, or as foo and nofoo, it fills only
// the last.
type jailRead struct {
	pairs []pair
	// fields are the wanted names, each with the pair that answers it.
	fields []readField
}

type readField struct {
	name   string
	pair   int
	invert bool // the boolean's other form was asked of the kernel
}

// newJailRead encodes the key and a buffer for each wanted parameter. grow is
// what the buffers of address lists and unknown types are multiplied by.
func newJailRead(key Param, want []string, find func(string) (ParamInfo, bool), grow int) jailRead {
	value := bytes.Clone(key.Data)
	if key.Name == "name" && len(value) < maxJailName {
		// The kernel reads the name from the buffer and writes it back there.
		value = append(value, make([]byte, maxJailName-len(value))...)
	}
	r := jailRead{pairs: []pair{newPair(key.Name, value)}}
	at := map[string]int{key.Name: 0}
	for _, name := range want {
		plain, _ := stripNo(name)
		if i, ok := at[name]; ok {
			r.fields = append(r.fields, readField{name, i, false})
			continue
		}
		info, ok := find(name)
		if !ok {
			info = ParamInfo{Name: name, Type: ParamInt, Size: 4} // the kernel will name it
		}
		asked, invert := name, false
		if info.Type == ParamBool && info.Name == plain && plain != name {
			asked, invert = plain, true
		}
		i, ok := at[asked]
		if !ok {
			size := info.readSize()
			switch info.Type {
			case ParamAddr4, ParamAddr6, ParamRaw, ParamString:
				size *= grow
			}
			i = len(r.pairs)
			at[asked] = i
			r.pairs = append(r.pairs, newPair(asked, make([]byte, max(size, 4))))
		}
		r.fields = append(r.fields, readField{name, i, invert})
	}
	return r
}

// params are the answers in the order asked; lengths are what the kernel wrote
// for each pair.
func (r jailRead) params(lengths []int) Params {
	out := make(Params, 0, len(r.fields))
	for _, f := range r.fields {
		value := r.pairs[f.pair].value
		value = bytes.Clone(value[:min(lengths[f.pair], len(value))])
		if value == nil {
			value = []byte{}
		}
		if f.invert {
			value = Int("", 1-int(nativeUint(value))).Data
		}
		out = append(out, Param{f.name, value})
	}
	return out
}
