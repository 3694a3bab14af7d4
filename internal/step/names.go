package step

import (
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/zfsstore"
)

// namer is a step that makes datasets or snapshots, by their names.
type namer interface{ names() []string }

func (a CreateDataset) names() []string { return []string{a.Dataset} }
func (a Snapshot) names() []string      { return []string{a.Snapshot} }
func (a SaveRoot) names() []string      { return []string{a.Snapshot} }
func (a RenameDataset) names() []string { return []string{a.To} }
func (a MoveRoot) names() []string      { return []string{a.To} }
func (a ForkRoot) names() []string      { return []string{a.Root + "@" + a.Snapshot, a.Target} }

func (a Clone) names() []string {
	var names []string
	for _, one := range a.Clones {
		names = append(names, one.Snapshot, one.Target)
	}
	return names
}

// checkNames refuses steps whose names ZFS cannot have: zfs(8) would do so in the
// middle of the operation, and again at each attempt to undo it.
func checkNames(steps []plan.Step) error {
	for _, s := range steps {
		n, ok := s.Action().(namer)
		if !ok {
			continue
		}
		for _, name := range n.names() {
			if err := zfsstore.CheckName(name); err != nil {
				return err
			}
		}
	}
	return nil
}
