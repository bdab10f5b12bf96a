package core

// StagedMax is stagedMax.
const StagedMax = stagedMax
