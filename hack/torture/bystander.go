package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/zfsstore"
)

// bystanders are the datasets of jails and releases that no interrupted operation was
// about, by name with their guid.
type bystanders map[string]uint64

// bystanders returns the jails and releases that no journal is about.
func (m *machine) bystanders(ctx context.Context, journals map[string]string) (bystanders, error) {
	found := bystanders{}
	for _, top := range []string{m.source.Jails(), m.source.Releases()} {
		all, err := m.Store.List(ctx, top, zfsstore.ListOptions{Depth: 1})
		if err != nil && !errors.Is(err, zfsstore.ErrNotFound) {
			return nil, err
		}
		for _, d := range all {
			if d.Name != top && !m.concerned(journals, top, path.Base(d.Name)) {
				found[d.Name] = d.GUID
			}
		}
	}
	return found, nil
}

// concerned reports whether a journal may change a jail or a release. Journals of jails
// name the release too, from which none of them takes anything.
func (m *machine) concerned(journals map[string]string, top, name string) bool {
	if top == m.source.Releases() {
		_, ok := journals[m.JournalPath(m.source.Name, "release", name)]
		return ok
	}
	word := regexp.MustCompile(regexp.QuoteMeta(top+"/"+name) + `\b`)
	for path, text := range journals {
		if path == m.JournalPath(m.source.Name, "jail", name) || word.MatchString(text) {
			return true
		}
	}
	return false
}

// missing returns which of them are gone or have another name.
func (b bystanders) missing(ctx context.Context, m *machine) (wrong []string) {
	for name, guid := range b {
		d, err := m.Store.Get(ctx, name, zfsstore.GetOptions{})
		if (err != nil || d.GUID != guid) && !m.renamed(ctx, name, guid) {
			wrong = append(wrong, fmt.Sprintf("%s, which no interrupted operation was about, is gone: guid %d in place of %d: %v", name, d.GUID, guid, err))
		}
	}
	return wrong
}

// renamed reports whether a rename that was killed half way, at its name made of the guid,
// has been finished or undone: the dataset has a name of a jail again.
func (m *machine) renamed(ctx context.Context, name string, guid uint64) bool {
	if path.Base(name) != "."+strconv.FormatUint(guid, 10) {
		return false
	}
	all, err := m.Store.List(ctx, m.source.Jails(), zfsstore.ListOptions{Depth: 1})
	return err == nil && slices.ContainsFunc(all, func(d zfsstore.Dataset) bool { return d.GUID == guid && d.Name != name })
}

// noSpace reports whether a full disk is the reason.
func noSpace(err error) bool {
	return errors.Is(err, zfsstore.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
