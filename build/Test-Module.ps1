# Sees that a module folder can be loaded, and says what it brings.
[CmdletBinding()]
param(
    [Parameter(Mandatory)]
    [string] $Folder
)

$ErrorActionPreference = 'Stop'
$manifest = Test-ModuleManifest -Path (Join-Path $Folder 'WirePS.psd1')
Import-Module -Name $manifest.Path
$commands = @(Get-Command -Module WirePS -CommandType Cmdlet)
if ($commands.Count -eq 0 -or $commands.Count -ne $manifest.ExportedCmdlets.Count) {
    throw "The manifest promises $($manifest.ExportedCmdlets.Count) cmdlets; $($commands.Count) came."
}

"WirePS $($manifest.Version) loads, with $($commands.Count) cmdlets."
