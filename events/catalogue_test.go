package events

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// filled returns e with a different non-zero value in every field.
func filled(t testing.TB, e IocEvent, seed int) IocEvent {
	t.Helper()
	v := reflect.New(reflect.TypeOf(e)).Elem()
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if name == "Header" {
			continue
		}
		n := int64(seed*100 + i)
		switch f.Kind() {
		case reflect.String:
			f.SetString(name + " \"<ä>\"")
		case reflect.Int, reflect.Int64:
			f.SetInt(n)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{name + "-1", name + "-2"}))
		default:
			t.Fatalf("%T.%s: no value for kind %v", e, name, f.Kind())
		}
	}
	h := Header{
		ID: uint64(seed + 2), Parent: uint64(seed + 1), Depth: seed%5 + 1, Scope: "op-1",
		State: State(seed % 4), Subject: "web", Message: "a message",
		Started:  time.Date(2026, 1, 2, 3, 4, 5, seed+1, time.UTC),
		Duration: time.Duration(seed+1)*time.Second + time.Duration(seed+1),
		Merged:   seed + 1,
	}
	if h.State == Failed {
		h.Err = &RemoteError{Message: "mount /dev: operation not permitted", Type: "*kernel.Error"}
	}
	return with(v.Interface().(IocEvent), h)
}

func TestTypesHaveTheirOwnNames(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range catalogue() {
		name := TypeOf(e)
		require.NotEmpty(t, name)
		require.False(t, seen[name], "%s is twice in the catalogue", name)
		seen[name] = true
	}
	require.Len(t, Types(), len(seen))
}

// Every struct of the source that embeds Header is in the catalogue, or has the
// fields of such types.
func TestCatalogueIsComplete(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var found []string
	inspect := func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		switch of := spec.Type.(type) {
		case *ast.StructType:
			for _, f := range of.Fields.List {
				id, ok := f.Type.(*ast.Ident)
				if ok && len(f.Names) == 0 && id.Name == "Header" && !strings.HasSuffix(spec.Name.Name, "Fields") {
					found = append(found, spec.Name.Name)
				}
			}
		case *ast.Ident:
			if strings.HasSuffix(of.Name, "Fields") {
				found = append(found, spec.Name.Name)
			}
		}
		return true
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, inspect)
	}
	require.Greater(t, len(found), 70)
	require.ElementsMatch(t, found, Types())
}

// The names that consumers of libioc know, without those of its dependants (its
// JailStart says the same), its soft shutdown, its update pulls and downloads and
// its renamed snapshots, which nothing here sends.
func TestCatalogueHasLibiocsNames(t *testing.T) {
	known := strings.Fields(`
		JailStart JailStop JailRestart JailRemove JailAttach JailClone JailRename
		JailHookPrestart JailHookCreated JailHookStart
		JailHookPoststart JailHookPrestop JailHookStop JailHookPoststop JailCommand
		JailResolverConfig JailResourceLimitAction JailFstabUpdate BasejailStorageConfig
		MountDevFS MountFdescfs MountFstab UnmountFstab TeardownSystemMounts JailNetworkTeardown
		JailNetworkSetup VnetInterfaceConfig VnetSetupLocalhost VnetSetRoutes JailZFSShare
		AttachZFSDataset JailProvisioning JailProvisioningAssetDownload R10kDeployEvent
		PuppetApplyEvent FetchRelease ReleasePrepareStorage ReleaseDownload ReleaseAssetDownload
		ReleaseExtraction ReleaseCopyBase ReleaseConfiguration ReleaseUpdate
		ResourceUpdate RunResourceUpdate ExecuteResourceUpdate
		ZFSDatasetRename ZFSDatasetDestroy ZFSSnapshotClone ZFSSnapshotRollback
		ResourceBackup ExportConfig ExportFstab ExportRootDataset ExportOtherDatasets ImportConfig
		ImportFstab ImportRootDataset ImportOtherDatasets ExportOtherDataset ImportOtherDataset
		BundleBackup ExtractBundle PackageFetch BootstrapPkg PackageInstall PackageRemove
		PackageConfiguration`)
	types := Types()
	for _, name := range known {
		if !slices.Contains(types, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestFieldsAreOnTheWireInSnakeCase(t *testing.T) {
	for _, e := range catalogue() {
		typ := reflect.TypeOf(e)
		seen := map[string]bool{}
		for i := range typ.NumField() {
			f := typ.Field(i)
			tag := f.Tag.Get("json")
			if f.Name == "Header" {
				if tag != "-" {
					t.Errorf("%s: Header has tag %q", TypeOf(e), tag)
				}
				continue
			}
			ok := tag != "" && !seen[tag] && strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz_") == ""
			if !ok || strings.ReplaceAll(tag, "_", "") != strings.ToLower(f.Name) {
				t.Errorf("%s.%s has tag %q", TypeOf(e), f.Name, tag)
			}
			seen[tag] = true
		}
	}
}

func TestEventsKeepTheirOwnLists(t *testing.T) {
	for i, e := range catalogue() {
		e = filled(t, e, i)
		v, c := reflect.ValueOf(e), reflect.ValueOf(with(e, e.Head()))
		if !reflect.DeepEqual(v.Interface(), c.Interface()) {
			t.Errorf("%s: copy differs", TypeOf(e))
		}
		for i := range v.NumField() {
			if v.Field(i).Kind() == reflect.Slice && v.Field(i).Pointer() == c.Field(i).Pointer() {
				t.Errorf("%s.%s is shared by copies", TypeOf(e), v.Type().Field(i).Name)
			}
		}
	}
}

func TestSubjectIsAnOwnField(t *testing.T) {
	nameless := []string{"OperationEnd", "Overflow"}
	for i, e := range catalogue() {
		got := subject(with(filled(t, e, i), Header{}))
		if (got == "") != slices.Contains(nameless, TypeOf(e)) {
			t.Errorf("%s: subject %q", TypeOf(e), got)
		}
	}
}

func TestHookEvents(t *testing.T) {
	var hooks []string
	for i, e := range catalogue() {
		h, ok := filled(t, e, i).(HookEvent)
		if !ok {
			continue
		}
		hooks = append(hooks, h.Hook())
		v := reflect.ValueOf(h)
		want := HookResult{
			v.FieldByName("Command").String(), v.FieldByName("Stdout").String(),
			v.FieldByName("Stderr").String(), int(v.FieldByName("ExitCode").Int()),
		}
		if h.Result() != want {
			t.Errorf("%s: Result() = %+v, want %+v", TypeOf(e), h.Result(), want)
		}
	}
	want := strings.Fields("prestart created start poststart prestop stop poststop command")
	if !slices.Equal(hooks, want) {
		t.Errorf("hooks %q, want %q", hooks, want)
	}
}
