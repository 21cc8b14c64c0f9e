#Requires -Version 7.0
<#
.SYNOPSIS
    Everything one does with this source tree: ./build.ps1 Help
.EXAMPLE
    ./build.ps1 Test
.EXAMPLE
    ./build.ps1 Install -Destination ~/Modules
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'Demo', 'Publish', 'Install', 'Bench', 'Help')]
    [string] $Command = 'Help',

    # Install: another folder of modules.
    [string] $Destination,

    # Bench: pairings to measure.
    [ValidateRange(20, 100000)]
    [int] $Rounds
)

$ErrorActionPreference = 'Stop'
if (-not (Get-Command -Name dotnet -CommandType Application -ErrorAction Ignore)) {
    throw 'The .NET SDK 10 is missing; get it from https://dotnet.microsoft.com/download/dotnet/10.0'
}

$words = @($Command.ToLowerInvariant())
if ($PSBoundParameters.ContainsKey('Destination')) {
    $words += '--destination', $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Destination)
}

if ($PSBoundParameters.ContainsKey('Rounds')) {
    $words += '--rounds', $Rounds
}

dotnet run --project (Join-Path $PSScriptRoot 'build') --configuration Release -- @words
exit $LASTEXITCODE
