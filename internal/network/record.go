package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ignore"
)

// Record is what was set up for a running jail. Interfaces, rules and anchors
// say themselves whose they are; an address on an interface of the host cannot,
// so it is written down who brought it.
type Record struct {
	Boot string `json:"boot"` // another boot has none of it
	Spec Spec   `json:"spec"`
	// Held is what the jail had before a change that may still be taken back: nobody else
	// gets it.
	Held *Spec `json:"held,omitempty"`
	// Added are the addresses that did not exist before, sorted. They go with
	// the last jail that uses them.
	Added []Alias `json:"added,omitempty"`
	// Learnt are the addresses that DHCP and routers gave, by nic. Secure VNET lets them
	// pass; what the jail's root adds it does not.
	Learnt map[string][]netip.Prefix `json:"learnt,omitempty"`
}

// specs are what the jail has, and what it may get back.
func (r Record) specs() []Spec {
	if r.Held != nil {
		return []Spec{r.Spec, *r.Held}
	}
	return []Spec{r.Spec}
}

// Addrs are the addresses that a nic may use.
func (r Record) Addrs(n NIC) []netip.Prefix { return slices.Concat(n.Addrs, r.Learnt[n.Name]) }

// ErrRecord is a record that cannot be understood.
var ErrRecord = errors.New("record of a jail's network cannot be understood")

// ReadRecord reads the record of a jail at path; ok is false if none exists. One that
// cannot be understood, such as an empty one after a power loss or a copy of another
// jail's, is set aside: the error wraps ErrRecord and has its new name.
func ReadRecord(path, jail string) (r Record, ok bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return r, false, ignore.Err(err, fs.ErrNotExist)
	}
	err = json.Unmarshal(data, &r)
	if err == nil && r.Spec.Jail != jail {
		err = fmt.Errorf("it is of jail %q, not %q", r.Spec.Jail, jail)
	}
	if err != nil {
		aside, failed := atomicfile.SetAside(path)
		return Record{}, false, errors.Join(fmt.Errorf("%w: %w; %s was set aside as %s", ErrRecord, err, path, aside), failed)
	}
	return r, true, nil
}

// Write replaces the record at path, making its directory.
func (r Record) Write(path string) error {
	slices.SortFunc(r.Added, func(a, b Alias) int { return strings.Compare(a.String(), b.String()) })
	r.Added = slices.Compact(r.Added) // Sync adds again what somebody has taken away
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return WriteRecord(path, append(data, '\n'))
}

// WriteRecord writes a record's bytes back as they were, and removes what killed
// writers have left. The caller holds the jail's lock.
func WriteRecord(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if _, err := atomicfile.Clean(path); err != nil {
		return err
	}
	return atomicfile.Write(path, data, 0o600)
}

// RemoveRecord removes the record at path; that there is none is no error.
func RemoveRecord(path string) error {
	return ignore.Err(os.Remove(path), fs.ErrNotExist)
}
