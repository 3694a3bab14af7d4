package step

import "github.com/libioc/go-libioc/internal/plan"

// Kinds returns one value of each type of step, for [plan.NewKinds].
func Kinds() []plan.Action[Env] {
	return []plan.Action[Env]{
		// Datasets and snapshots.
		CreateDataset{}, Clone{}, DestroyDataset{}, RenameDataset{}, Promote{}, DropBase{}, SetProperties{},
		Snapshot{}, ForgetSnapshot{}, DestroySnapshots{}, Rollback{},
		SaveRoot{}, ForgetRoot{}, ForkRoot{}, MoveRoot{},
		// Files.
		WriteConfig{}, SaveConfig{}, MoveFstab{}, WriteResolver{},
		// Mounts and devices.
		MountBasejail{}, MountFstab{}, MountDevfs{}, MountFdescfs{}, MountProcfs{}, MountLinprocfs{},
		Unmount{}, UnmountLive{}, UnmountLeft{}, LoadModule{}, LoadRuleset{}, ShowBPF{},
		// The jail.
		CreateJail{}, RemoveJail{}, ChangeParams{}, ReportEffects{}, SetCpuset{}, Share{}, Unshare{},
		RunHook{}, RunCommand{}, SetLimits{}, ClearLimits{}, ChangeLimits{},
		// The network.
		RecordNetwork{}, AddAliases{}, DropAliases{}, ForgetNetwork{}, Teardown{}, ChangeNetwork{}, SettleNetwork{},
		VnetNodes{}, EnsureNIC{}, MoveInterface{}, Localhost{}, AddRoutes{}, RequestAddress{}, LoadPf{},
	}
}
