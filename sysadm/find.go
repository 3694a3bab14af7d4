package sysadm

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/shellwords"
	"github.com/libioc/go-libioc/jail"
)

// find loads the jail that a client names: by its name, which the documents
// call uuid, otherwise by its tag. A tag that two jails have is an error.
func (s *Server) find(ctx context.Context, c *call, name string) (*jail.Jail, error) {
	c.target = name
	if sources, err := s.host.Sources(ctx); err != nil {
		return nil, err
	} else if len(sources) == 1 && strings.Contains(name, "/") {
		return nil, jail.ErrNotFound // no list shows such a name
	}
	j, err := jail.Load(ctx, s.host, name)
	if err == nil || !errors.Is(err, jail.ErrNotFound) {
		return j, err
	}
	var found *jail.Jail
	for j, listErr := range s.jails(ctx) {
		switch {
		case j == nil:
			return nil, listErr
		case tagOf(j) != name:
		case found != nil:
			return nil, toolError("multiple jails matching name: " + name + "!")
		default:
			found = j
		}
	}
	if found == nil {
		return nil, err
	}
	return found, nil
}

// tagOf returns a jail's tag in the sense of SysAdm: the first of its tags,
// otherwise its name as libioc shows it.
func tagOf(j *jail.Jail) string {
	if tag, ok := j.Config().Raw("tag"); ok && !unset(tag) {
		return tag
	}
	if tags, ok := key.Tags.In(j.Config()); ok {
		return tags[0]
	}
	return j.HumanReadableName()
}

// unset reports whether a text means that there is no value.
func unset(text string) bool { return text == "" || text == "none" || text == "-" }

// label returns a jail's name as iocage's tool prints it.
func label(j *jail.Jail) string { return j.Name() + " (" + tagOf(j) + ")" }

// validTag rejects tags that could be mistaken for an option, a path, or all
// jails.
func validTag(tag string) error {
	if strings.TrimSpace(tag) == "" || strings.ContainsFunc(tag, unicode.IsControl) || strings.EqualFold(tag, "ALL") || strings.HasPrefix(tag, "-") ||
		strings.ContainsAny(tag, "/,") || strings.Contains(tag, "..") {
		return toolError("invalid tag " + tag)
	}
	return nil
}

// properties reads "key=value key=value" and rejects keys that the library does
// not know, or that the user may not set.
func (s *Server) properties(c *call, text string) (map[string]string, error) {
	words, err := shellwords.Split(text)
	if err != nil {
		return nil, toolError("unbalanced quotes in " + text)
	}
	out := map[string]string{}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if _, known := config.Lookup(key); !ok || !known {
			return nil, toolError("unsupported property: " + key + "!")
		}
		out[key] = value
	}
	return out, s.maySet(c.user, out)
}
