package simkernel

import (
	"encoding/json"
	"sort"
	"strings"

	"github.com/libioc/go-libioc/kernel"
)

// dirty collects the keys of the records that a call has changed.
type dirty struct {
	keys  map[string]any // nil value: the record is gone
	order []string
}

// put notes that the record has the value that v will have at commit.
func (d *dirty) put(key string, v any) {
	if d.keys == nil {
		d.keys = map[string]any{}
	}
	if _, ok := d.keys[key]; !ok {
		d.order = append(d.order, key)
	}
	d.keys[key] = v
}

func (d *dirty) drop(key string) { d.put(key, nil) }
func (d *dirty) boot()           { d.put("boot", bootKey{}) }
func (d *dirty) reset()          { d.keys, d.order = nil, nil }

type bootKey struct{}

// bootRecord is what the kernel counts.
type bootRecord struct {
	BootID   string `json:"boot_id"`
	Boots    int    `json:"boots"`
	LastJID  int    `json:"last_jid"`
	MountSeq int    `json:"mount_seq"`
	RuleSeq  int    `json:"rule_seq"`
	IfSeq    int    `json:"if_seq"`

	Modules []string `json:"modules,omitempty"` // loaded since the start
}

func (k *machine) bootRecord() bootRecord {
	return bootRecord{k.bootID, k.boots, k.jails.lastJID, k.mounts.seq, k.rctl.seq, k.net.seq, k.opts.loaded}
}

// forgetAll notes the end of every record, before the state is created again.
func (d *dirty) forgetAll(k *machine) {
	var keys []string
	for _, pr := range k.jails.list {
		keys = append(keys, pr.key())
	}
	for _, m := range k.mounts.list {
		keys = append(keys, m.key())
	}
	for n := range k.devfs.sets {
		keys = append(keys, devfsKey(n))
	}
	for _, r := range k.rctl.rules {
		keys = append(keys, r.key())
	}
	keys = append(keys, k.net.keys()...)
	keys = append(keys, k.firewall.keys()...)
	sort.Strings(keys)
	for _, key := range keys {
		d.drop(key)
	}
}

// commit hands the changed records over.
func (k *machine) commit() error {
	d := &k.dirty
	if len(d.order) == 0 {
		return nil
	}
	keys, order := d.keys, d.order
	d.reset()
	k.watch.note(order)
	if k.opts.Commit == nil {
		return nil
	}
	out := make([]Record, 0, len(order))
	for _, key := range order {
		v := keys[key]
		if v == nil {
			out = append(out, Record{Key: key})
			continue
		}
		if _, ok := v.(bootKey); ok {
			v = k.bootRecord()
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		out = append(out, Record{key, b})
	}
	return k.opts.Commit(out)
}

// load restores the state from records. A later record of a key replaces
// an earlier one.
func (k *machine) load(records []Record) error {
	last := map[string]json.RawMessage{}
	for _, r := range records {
		if r.Value == nil || string(r.Value) == "null" {
			delete(last, r.Key)
			continue
		}
		last[r.Key] = r.Value
	}
	keys := make([]string, 0, len(last))
	for key := range last {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool { return naturalLess(keys[i], keys[j]) })
	k.devfs.sets = map[uint16][]kernel.DevfsRule{}
	k.net.clear()
	loaders := []struct {
		prefix string
		load   func(key string, value []byte) error
	}{
		{"boot", k.loadBoot},
		{"mount/", k.mounts.load},
		{"jail/", k.jails.load},
		{"ruleset/", k.devfs.load},
		{"rctl/", k.rctl.load},
		{"stack/", k.net.loadStack},
		{"if/", k.net.loadIf},
		{ipfwKey, k.firewall.loadIpfw},
		{anchorKey, k.firewall.loadAnchor},
	}
	for _, l := range loaders {
		for _, key := range keys {
			if strings.HasPrefix(key, l.prefix) {
				if err := l.load(key, last[key]); err != nil {
					return &kernel.CallError{Op: "load", Subject: key, Msg: err.Error(), Err: err}
				}
			}
		}
	}
	return k.jails.linked()
}

func (k *machine) loadBoot(_ string, value []byte) error {
	var b bootRecord
	if err := json.Unmarshal(value, &b); err != nil {
		return err
	}
	k.bootID, k.boots, k.jails.lastJID = b.BootID, b.Boots, b.LastJID
	k.mounts.seq, k.rctl.seq, k.net.seq = b.MountSeq, b.RuleSeq, b.IfSeq
	k.setModules(b.Modules)
	return nil
}

// naturalLess orders "mount/9" before "mount/10".
func naturalLess(a, b string) bool {
	if len(a) != len(b) && strings.LastIndexByte(a, '/') == strings.LastIndexByte(b, '/') {
		i := strings.LastIndexByte(a, '/') + 1
		if a[:i] == b[:i] {
			return len(a) < len(b)
		}
	}
	return a < b
}
