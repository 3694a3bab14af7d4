package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/zfsstore"
)

// jails are those that no interrupted operation was about, by name with the guid of
// their dataset.
type jails struct{ guid map[string]uint64 }

// bystanders returns the jails that no journal names.
func bystanders(ctx context.Context, m *machine, journals map[string]string) (*jails, error) {
	all, err := m.Store.List(ctx, m.source.Jails(), zfsstore.ListOptions{Depth: 1})
	if err != nil && !errors.Is(err, zfsstore.ErrNotFound) {
		return nil, err
	}
	found := &jails{map[string]uint64{}}
	for _, d := range all {
		name, ok := strings.CutPrefix(d.Name, m.source.Jails()+"/")
		if ok && !concerned(m, journals, name) {
			found.guid[name] = d.GUID
		}
	}
	return found, nil
}

// concerned reports whether a journal names a jail.
func concerned(m *machine, journals map[string]string, name string) bool {
	word := regexp.MustCompile(regexp.QuoteMeta(m.source.Jails()+"/"+name) + `\b`)
	for path, text := range journals {
		if path == m.JournalPath(m.source.Name, "jail", name) || word.MatchString(text) {
			return true
		}
	}
	return false
}

func (j *jails) forget(name string) { delete(j.guid, name) }

// missing returns which of the jails are gone or have another name.
func (j *jails) missing(ctx context.Context, m *machine) (wrong []string) {
	for name, guid := range j.guid {
		d, err := m.Store.Get(ctx, m.source.Jails()+"/"+name, zfsstore.GetOptions{})
		if err != nil || d.GUID != guid {
			wrong = append(wrong, fmt.Sprintf("jail %s, which no interrupted operation was about, is gone: guid %d in place of %d: %v", name, d.GUID, guid, err))
		}
	}
	return wrong
}

// noSpace reports whether a full disk is the reason.
func noSpace(err error) bool {
	return errors.Is(err, zfsstore.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
