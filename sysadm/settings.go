package sysadm

import (
	"context"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
)

func (s *Server) getdefaultsettings(ctx context.Context, c *call) (any, error) {
	defaults, space, err := jail.Defaults(ctx, s.host, "")
	if err != nil {
		return nil, err
	}
	out := object{}
	for _, setting := range config.LegacySettings() {
		if setting.JailOnly {
			continue
		}
		text, ok := space.Text(setting.Key)
		if !ok {
			text = setting.Text(config.Effective{Own: defaults})
		}
		out[setting.Key] = text
	}
	return object{"defaults": out}, nil
}

// getjailsettings has three modes: one property of a jail, all properties of a jail
// (prop is "all" or missing), and one property of all jails ("-r").
func (s *Server) getjailsettings(ctx context.Context, c *call) (any, error) {
	name, prop, switches := c.jailArg(), c.arg("prop"), c.arg("switches")
	_, switched := c.args["switches"]
	switch {
	case name == "" && prop == "" && !switched:
		return nil, errMissing
	case name != "" && switched:
		return object{}, nil // as in the original, which ran nothing then
	case name == "" && switches == "-r" && prop != "":
		return s.settingOfAll(ctx, c, prop)
	case name == "":
		return nil, toolError("missing jail name.")
	}
	j, err := s.find(ctx, c, name)
	if err != nil {
		return nil, err
	}
	space, err := j.Space(ctx)
	if err != nil {
		return nil, err
	}
	out := object{}
	if prop != "" && prop != "all" {
		setting, err := settingNamed(j, prop)
		if err != nil {
			return nil, err
		}
		value := settingOf(j, space, setting)
		if c.api != Dialect2017 {
			value, _ = textPair(strings.Join(strings.Fields(value), " "))
		}
		return object{name: object{prop: value}}, nil
	}
	for _, setting := range config.LegacySettings() {
		value := settingOf(j, space, setting)
		if c.api != Dialect2017 {
			value = textValue(setting.Key, value)
		}
		out[setting.Key] = value
	}
	return object{name: out}, nil
}

// settingOfAll is the mode "-r". Its lines were split at blanks, so colons are
// kept.
func (s *Server) settingOfAll(ctx context.Context, c *call, prop string) (any, error) {
	var spaces map[string]jail.Space
	if _, ok := (jail.Space{}).Text(prop); ok {
		var err error
		if spaces, err = jail.Spaces(ctx, s.host); err != nil {
			return nil, err
		}
	}
	out := object{}
	for j, err := range s.jails(ctx) {
		if j == nil {
			return nil, err
		}
		setting, err := settingNamed(j, prop)
		if err != nil {
			return nil, err
		}
		value := settingOf(j, spaces[j.Dataset()], setting)
		if fields := strings.Fields(value); len(fields) > 0 && c.api != Dialect2017 {
			value = fields[0]
		}
		out[j.FullName()] = object{"TAG": tagOf(j), prop: value}
	}
	return out, nil
}

func settingOf(j *jail.Jail, space jail.Space, s config.LegacySetting) string {
	if text, ok := space.Text(s.Key); ok {
		return text
	}
	switch s.Key {
	case "tag":
		return tagOf(j)
	case "type":
		return property(j, "type")
	}
	return s.Text(j.Effective())
}

// settingNamed returns a setting, or any other property that the library or the
// jail's own configuration has.
func settingNamed(j *jail.Jail, prop string) (config.LegacySetting, error) {
	for _, s := range config.LegacySettings() {
		if s.Key == prop {
			return s, nil
		}
	}
	_, stored := j.Config().Raw(prop)
	if _, known := config.Lookup(prop); !known && !stored {
		return config.LegacySetting{}, toolError("unsupported property: " + prop + "!")
	}
	return config.LegacySetting{Key: prop, Unset: "none"}, nil
}

// df reports the disk usage of each jail.
func (s *Server) df(ctx context.Context, c *call) (any, error) {
	spaces, err := jail.Spaces(ctx, s.host)
	if err != nil {
		return nil, err
	}
	out := object{}
	for j, err := range s.jails(ctx) {
		if j == nil {
			return nil, err
		}
		row := object{"tag": tagOf(j)}
		for key, name := range map[string]string{
			"crt": "compressratio", "res": "reservation", "qta": "quota", "use": "used", "ava": "available",
		} {
			row[key], _ = spaces[j.Dataset()].Text(name)
		}
		out[j.FullName()] = row
	}
	return out, nil
}
