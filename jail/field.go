package jail

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strconv"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/zfsstore"
)

// nameKeys are the fields that follow from a jail's dataset alone, kernelKeys those
// that one jail_get(2) adds. All others need more.
var (
	nameKeys = map[string]bool{
		"name": true, "id": true, "uuid": true, "full_name": true, "source": true, "identifier": true, "dataset": true,
		"humanreadable_name": true, "dataset_name": true, "root_dataset_name": true,
	}
	kernelKeys = map[string]bool{"running": true, "stopped": true, "jid": true, "foreign": true, "state": true}
	otherKeys  = map[string]bool{"path": true, "root_path": true, "is_basejail": true, "hostid_check_ok": true, "used": true, "available": true, "referenced": true, "creation": true}
)

// isFact reports whether a key is a fact of the jail itself, see [Jail.Field].
func isFact(key string) bool { return nameKeys[key] || kernelKeys[key] || otherKeys[key] }

// ErrForeign: the jail runs, but belongs to no source: jail(8) or another program
// made it. It is listed, but neither stopped nor changed.
var ErrForeign = errors.New("jail belongs to another program")

// Foreign reports whether the jail runs and belongs to no source of this host. Its
// Name is then its name in the kernel, it has no configuration, and operations on
// it are refused with ErrForeign. Exec, Identity and Usage work.
func (j *Jail) Foreign() bool { return j.foreign }

// Storage returns what ZFS reported of the jail's dataset when it was listed: sizes
// in bytes, children included in Used. ok is false for a jail that was not listed,
// or listed without asking ZFS.
func (j *Jail) Storage() (d zfsstore.Dataset, ok bool) {
	if j.storage == nil {
		return zfsstore.Dataset{}, false
	}
	return *j.storage, true
}

// Field returns the values of a key as filters and columns of lists see them: a
// fact of the jail itself, else a property in libioc's text form, of which a list
// has several values. ok is false for an unknown key. The facts of the jail itself
// are
//
//	name, full_name, humanreadable_name, source, identifier
//	dataset, dataset_name, root_dataset_name
//	path        of the jail's dataset; of a foreign jail, of its root
//	root_path   of its root
//	is_basejail, hostid_check_ok, stopped
//	            yes or no
//	jid         "-" when it does not run
//	running     yes or no
//	state       up or down
//	foreign     yes or no
//	used, available, referenced
//	            bytes, "-" when ZFS was not asked
//	creation    of the dataset, seconds since 1970
func (j *Jail) Field(key string) (values []string, ok bool) { return j.field(j.Effective(), key) }

func (j *Jail) field(eff config.Effective, key string) (values []string, ok bool) {
	one := func(s string) ([]string, bool) { return []string{s}, true }
	switch key {
	case "name", "id", "uuid":
		return one(j.Name())
	case "full_name":
		return one(j.FullName())
	case "source":
		return one(cmp.Or(j.source.Name, "-"))
	case "identifier":
		return one(j.Identifier())
	case "humanreadable_name":
		return one(j.HumanReadableName())
	case "dataset", "dataset_name", "root_dataset_name":
		switch {
		case j.foreign:
			return one("-")
		case key == "root_dataset_name":
			return one(j.RootDataset())
		}
		return one(j.Dataset())
	case "path":
		return one(cmp.Or(j.Path(), "-"))
	case "root_path":
		if j.Path() == "" || j.foreign {
			return one(cmp.Or(j.Path(), "-"))
		}
		return one(filepath.Join(j.Path(), "root"))
	case "is_basejail":
		return one(yesNo(j.IsBasejail()))
	case "hostid_check_ok":
		return one(yesNo(j.RequireHostID(context.Background()) == nil))
	case "stopped":
		return one(yesNo(!j.Status().Running))
	case "running":
		return one(yesNo(j.Status().Running))
	case "state":
		if j.Status().Running {
			return one("up")
		}
		return one("down")
	case "foreign":
		return one(yesNo(j.foreign))
	case "jid":
		if !j.Status().Running {
			return one("-")
		}
		return one(strconv.Itoa(j.Status().Identity.JID))
	case "used", "available", "referenced", "creation":
		return one(j.stored(key))
	}
	text, err := eff.Text(key)
	if err != nil {
		return nil, false
	}
	if list := config.NewKey[[]string](key).Of(eff); len(list) > 1 {
		return list, true
	}
	return one(text)
}

func (j *Jail) stored(key string) string {
	d := j.storage
	switch {
	case d == nil:
		return "-"
	case key == "used":
		return strconv.FormatUint(d.Used, 10)
	case key == "available":
		return strconv.FormatUint(d.Available, 10)
	case key == "referenced":
		return strconv.FormatUint(d.Referenced, 10)
	}
	return strconv.FormatInt(d.Creation.Unix(), 10)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
