@{
    RootModule           = 'WirePS.Module.dll'
    ModuleVersion        = '0.1.0'
    GUID                 = '5b0e7c55-7f0d-4c39-8a0e-3f6f5f2b9d41'
    Author               = 'The WirePS authors'
    CompanyName          = 'The WirePS authors'
    Copyright            = 'Copyright (c) The WirePS authors. MIT licence.'
    Description          = 'Makes machines, agents and the people who run them trust one another: two homes meet on a relay with a short code, their people compare six digits, and each side pins the key of the other. Works detached, through a daemon or a scheduled tick.'
    PowerShellVersion    = '7.6'
    CompatiblePSEditions = @('Core')
    FormatsToProcess     = @('WirePS.Format.ps1xml')
    FunctionsToExport    = @()
    CmdletsToExport      = @(
        'Add-WireTrustedAgent'
        'Approve-WireTrust'
        'Confirm-WirePair'
        'Deny-WireTrust'
        'Export-WireTrust'
        'Find-WirePeer'
        'Get-WireDaemon'
        'Get-WireIdentity'
        'Get-WireJournal'
        'Get-WirePeer'
        'Get-WirePendingPair'
        'Get-WireTrustPolicy'
        'Get-WireTrustRequest'
        'Get-WireTrustedAgent'
        'Import-WireTrust'
        'Initialize-WireIdentity'
        'Invoke-WireTick'
        'New-WirePair'
        'Register-WireHandle'
        'Remove-WirePeer'
        'Remove-WirePendingPair'
        'Remove-WireTrustedAgent'
        'Request-WireTrust'
        'Revoke-WireTrust'
        'Set-WireIdentity'
        'Set-WireRelay'
        'Set-WireTrustPolicy'
        'Start-WireDaemon'
        'Start-WireRelay'
        'Stop-WireDaemon'
        'Stop-WirePair'
        'Stop-WireRelay'
        'Test-WireAuditLog'
        'Test-WireRelay'
        'Test-WireTrust'
        'Unregister-WireHandle'
        'Wait-WirePair'
        'Wait-WireTrust'
        'Watch-WirePair'
    )
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{
        PSData = @{
            Tags = @('Pairing', 'Trust', 'Identity', 'Agent', 'Security', 'PSEdition_Core', 'Linux', 'MacOS', 'Windows')
        }
    }
}
