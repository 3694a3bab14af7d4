package jail

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
)

// IsBasejail tells whether the base system comes from the release.
func (g *JailGenerator) IsBasejail() bool { return g.effective().Bool("basejail") }

// basejailSteps mounts the release's base directories read-only over the
// jail's own. The source is a snapshot, so an update of the release reaches the
// jail at its next start and not before. A release named without a patch level
// floats to its newest snapshot.
func (g *JailGenerator) basejailSteps(ctx context.Context) ([]plan.Step, error) {
	eff := g.effective()
	if !eff.Bool("basejail") {
		return nil, nil
	}
	if kind := eff.String("basejail_type"); kind != "" && kind != "nullfs" {
		return nil, fmt.Errorf("%w: basejail_type=%s", ErrConfig, kind)
	}
	rel, err := release.New(ctx, g.host, eff.String("release"), g.source.Name)
	if err != nil {
		return nil, err
	}
	from, err := rel.SnapshotPath(ctx)
	if err != nil {
		return nil, err
	}
	args := mountArgs{RootDataset: g.RootDataset()}
	for _, dir := range release.Basedirs() {
		args.Mounts = append(args.Mounts, mountTarget{
			Type: "nullfs", From: filepath.Join(from, dir), At: dir,
			Options: []kernel.MountOption{{Name: "ro"}},
			Make:    true, Optional: true,
		})
	}
	return []plan.Step{stepMountBasejail.Step(args)}, nil
}
