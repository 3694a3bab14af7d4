package plan

import (
	"encoding/json"
	"strings"
)

// sighting is the effect of a record that says what had a name when the operation
// first looked. Without an identity it takes back what was said of the name and of
// all below it.
type sighting struct {
	Name string `json:"name"`
	ID   string `json:"id,omitempty"`
}

// saw is the phase of such a record, which is of no step.
const saw phase = "saw"

// Same reports whether what has a name, such as a dataset or a jail, is what had it
// when the operation was planned or first looked. The identity is what no other
// object has: a guid, an fsid, a jail's identity. The first look goes to the
// journal, so that a run that undoes or finishes the operation after a crash leaves
// alone what somebody else has made under the name in the meantime.
func (c *Call) Same(name, id string) (bool, error) {
	if c.journal == nil {
		return true, nil
	}
	if was, known := c.journal.seen[name]; known {
		return was == id, nil
	}
	return true, c.journal.saw(sighting{name, id})
}

// Saw is Same for what may be somebody else's at the first look: that is false, and is
// not written down.
func (c *Call) Saw(name, id string) bool {
	return c.journal == nil || c.journal.seen[name] == id
}

// Forget is called before something gets another name, by both names: the next look
// at them, or at what is below, is the first.
func (c *Call) Forget(names ...string) error {
	if c.journal == nil {
		return nil
	}
	for _, name := range names {
		if err := c.journal.saw(sighting{Name: name}); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) saw(s sighting) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	j.see(s)
	return j.line(record{Step: -1, Phase: saw, Effect: data}, false)
}

func (j *Journal) see(s sighting) {
	if j.seen == nil {
		j.seen = map[string]string{}
	}
	if s.ID != "" {
		j.seen[s.Name] = s.ID
		return
	}
	for name := range j.seen {
		if name == s.Name || strings.HasPrefix(name, s.Name+"/") || strings.HasPrefix(name, s.Name+"@") {
			delete(j.seen, name)
		}
	}
}
