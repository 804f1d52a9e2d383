// Room: ArtifactStore.
