Describe 'The fleet sample' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome, $issuer, $homes = 'relay', 'issuer', 'homes' | ForEach-Object { Get-TestHome $_ }
        $relay = Open-TestRelay $relayHome
        $null = Initialize-WireIdentity -Handle issuer -Relay $relay -WireHome $issuer
        $list = Get-TestHome 'machines.csv'
        $script = Join-Path $PSScriptRoot '../../samples/fleet-onboarding.ps1'
        $module = Get-TestedManifest

        function Invoke-Fleet {
            $text = "`$results = & '$script' '$list' -WireHome '$issuer' -LocalFolder '$homes' -Module '$module' -Timeout 30; `$code = `$LASTEXITCODE; ConvertTo-Json @(@(`$results) + `$code) -Compress"
            $run = Invoke-TestProcess "`$ProgressPreference = 'SilentlyContinue'; `$InformationPreference = 'Ignore'; $text"
            $run.Errors | Should -BeNullOrEmpty
            ($run.Output -split "`n" | Where-Object { $_ -like '`[*' }) | ConvertFrom-Json
        }
    }

    AfterAll {
        Close-TestHome $relayHome
    }

    It 'lets those join that can, says why the others cannot, and goes on where it stopped' {
        @('Name,Handle', 'one,one', 'two,two', 'three,admin') | Set-Content $list
        $first = Invoke-Fleet
        $first[-1] | Should -Be 1
        ($first | Where-Object Status -eq 'Joined').Name | Sort-Object | Should -Be 'one', 'two'
        ($first | Where-Object Status -eq 'Failed').ErrorId | Should -Be 'WireInvalidHandle'
        (Get-WirePeer -WireHome $issuer).Handle | Sort-Object | Should -Be 'one', 'two'
        (Get-Content (Get-TestHome 'machines.state.json') -Raw) | Should -Not -BeLike '*wire://*'

        @('Name,Handle', 'one,one', 'two,two', 'three,three') | Set-Content $list
        $second = Invoke-Fleet
        $second[-1] | Should -Be 0
        @($second | Where-Object Name).Name | Should -Be 'three'
        (Get-WirePeer fleet -WireHome $issuer).Count | Should -Be 3
        (Get-WireInvite -WireHome $issuer).Status | Should -Be 'Revoked', 'Revoked'
    }
}
