package events

// catalogue returns one zero value of every event type, by family. Unmarshal
// knows these types and no others.
func catalogue() []IocEvent {
	return []IocEvent{
		// jail.go
		JailCreate{}, JailStart{}, JailStop{},
		JailRestart{}, JailSoftShutdown{}, JailAttach{},
		JailRemove{}, JailClone{}, JailRename{},
		JailDestroy{}, JailRecover{}, JailPromote{}, JailTemplate{}, JailSnapshot{}, JailDependantsStart{}, JailDependantStart{},
		JailConfigSave{}, JailResolverConfig{}, JailDevfsRuleset{}, JailModuleLoad{}, JailResourceLimitAction{},
		// provision.go
		JailProvisioning{}, JailProvisioningAssetDownload{}, R10kDeployEvent{},
		PuppetApplyEvent{},
		// hook.go
		JailHookPrestart{}, JailHookCreated{}, JailHookStart{},
		JailHookPoststart{}, JailHookPrestop{}, JailHookStop{},
		JailHookPoststop{}, JailCommand{}, JailHookOutput{},
		// storage.go
		BasejailStorageConfig{}, MountDevFS{}, MountFdescfs{},
		MountProcfs{}, MountLinprocfs{}, MountFstab{},
		UnmountFstab{}, TeardownSystemMounts{}, JailFstabUpdate{},
		// network.go
		JailNetworkSetup{}, JailNetworkTeardown{}, VnetInterfaceConfig{},
		VnetSetupLocalhost{}, VnetSetRoutes{},
		VnetAddressRequest{}, JailFirewall{}, JailCpuset{}, JailConfigApply{},
		// release.go
		FetchRelease{}, ReleasePrepareStorage{}, ReleaseDownload{},
		ReleaseAssetDownload{}, ReleaseExtraction{}, ReleaseCopyBase{},
		ReleaseConfiguration{}, ReleaseUpdate{}, ReleaseUpdatePull{},
		ReleaseUpdateDownload{}, ReleaseDestroy{}, ReleaseRecover{}, ResourceUpdate{},
		RunResourceUpdate{}, ExecuteResourceUpdate{},
		// zfs.go
		JailZFSShare{}, AttachZFSDataset{}, DetachZFSDataset{},
		ZFSDatasetCreate{}, ZFSDatasetRename{}, ZFSDatasetDestroy{},
		ZFSSnapshotCreate{}, ZFSSnapshotRename{}, ZFSSnapshotClone{},
		ZFSSnapshotRollback{}, ZFSSnapshotDestroy{},
		ZFSDatasetPromote{}, ZFSPropertySet{},
		// backup.go
		ResourceBackup{}, ExportConfig{}, ExportFstab{},
		ExportRootDataset{}, ExportOtherDatasets{}, ExportOtherDataset{},
		BundleBackup{}, ExtractBundle{}, ImportConfig{},
		ImportFstab{}, ImportRootDataset{}, ImportOtherDatasets{},
		ImportOtherDataset{},
		// pkg.go
		PackageFetch{}, PackageConfiguration{}, BootstrapPkg{},
		PackageInstall{}, PackageRemove{},
		// mark.go
		Rollback{}, OperationEnd{}, Overflow{},
	}
}
