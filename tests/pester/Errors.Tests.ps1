Describe 'Errors' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'errors'
        $relay = 'http://127.0.0.1:9'
        $pair = New-WirePair -Detach -Relay $relay -WireHome $wireHome -WarningAction Ignore
    }

    It 'gives <Id> (<Category>) for <Name>' -ForEach @(
        @{ Name = 'a home without a relay'; Id = 'WireRelayNotConfigured'; Category = 'InvalidArgument'; Script = { New-WirePair -Detach -WireHome $wireHome } }
        @{ Name = 'an address that is none'; Id = 'WireRelayInvalidUrl'; Category = 'InvalidArgument'; Script = { Set-WireRelay 'relay.example' -WireHome $wireHome } }
        @{ Name = 'plain http to another machine'; Id = 'WireRelayInsecure'; Category = 'SecurityError'; Script = { Set-WireRelay 'http://relay.example' -WireHome $wireHome } }
        @{ Name = 'a code that is too short'; Id = 'WireInvalidLength'; Category = 'InvalidArgument'; Script = { New-WirePair -Code '12-ABC' -Detach -Relay $relay -WireHome $wireHome } }
        @{ Name = 'a code with a wrong symbol'; Id = 'WireInvalidSymbol'; Category = 'InvalidArgument'; Script = { New-WirePair -Code '12-ABC1EF' -Detach -Relay $relay -WireHome $wireHome } }
        @{ Name = 'a code that was mistyped'; Id = 'WireMistypedCode'; Category = 'InvalidArgument'; Script = { New-WirePair -Code 'WIRE-TRUS-TEDB' -Detach -Relay $relay -WireHome $wireHome } }
        @{ Name = 'a lifetime that is too short'; Id = 'WireInvalidDuration'; Category = 'InvalidArgument'; Script = { New-WirePair -Detach -Relay $relay -ExpiresIn 59s -WireHome $wireHome } }
        @{ Name = 'a lifetime that is too long'; Id = 'WireInvalidDuration'; Category = 'InvalidArgument'; Script = { New-WirePair -Detach -Relay $relay -ExpiresIn 8d -WireHome $wireHome } }
        @{ Name = 'a lifetime that cannot be read'; Id = 'WireInvalidDuration'; Category = 'InvalidArgument'; Script = { New-WirePair -Detach -Relay $relay -ExpiresIn soon -WireHome $wireHome } }
        @{ Name = 'a lifetime without a unit'; Id = 'WireInvalidDuration'; Category = 'InvalidArgument'; Script = { New-WirePair -Detach -Relay $relay -ExpiresIn 30 -WireHome $wireHome } }
        @{ Name = 'a time-out that cannot be read'; Id = 'WireInvalidDuration'; Category = 'InvalidArgument'; Script = { $pair | Wait-WirePair -Timeout soon } }
        @{ Name = 'a code that is used already'; Id = 'WireCodeUsed'; Category = 'ResourceExists'; Script = { New-WirePair -Code $pair.Code -Detach -Relay $relay -WireHome $wireHome } }
        @{ Name = 'a pairing that is not there, by code'; Id = 'WirePairNotFound'; Category = 'ObjectNotFound'; Script = { Stop-WirePair 'WIRE-TRUS-TEDA' -WireHome $wireHome } }
        @{ Name = 'a pairing that is not there, by id'; Id = 'WirePairNotFound'; Category = 'ObjectNotFound'; Script = { Get-WirePendingPair -Id 'none' -WireHome $wireHome } }
        @{ Name = 'digits before they are known'; Id = 'WirePairNotReady'; Category = 'InvalidOperation'; Script = { $pair | Confirm-WirePair -Digits '123456' } }
        @{ Name = 'removing what is under way'; Id = 'WirePairActive'; Category = 'InvalidOperation'; Script = { $pair | Remove-WirePendingPair } }
        @{ Name = 'a time to wait that is over'; Id = 'WireWaitTimeout'; Category = 'OperationTimeout'; Script = { $pair | Wait-WirePair -Timeout 0.2 } }
        @{ Name = 'a peer that is not there'; Id = 'WirePeerNotFound'; Category = 'ObjectNotFound'; Script = { Get-WirePeer nobody -WireHome $wireHome } }
        @{ Name = 'a request that is not there'; Id = 'WireTrustRequestNotFound'; Category = 'ObjectNotFound'; Script = { Approve-WireTrust 'none' -Confirm:$false -WireHome $wireHome } }
        @{ Name = 'approving a pairing with a code'; Id = 'WireNotATrustRequest'; Category = 'InvalidOperation'; Script = { $pair | Approve-WireTrust -Confirm:$false } }
        @{ Name = 'an address that is none'; Id = 'WireInvalidHandle'; Category = 'InvalidArgument'; Script = { Find-WirePeer 'Some One@relay' -WireHome $wireHome } }
        @{ Name = 'a handle that is reserved'; Id = 'WireInvalidHandle'; Category = 'InvalidArgument'; Script = { Initialize-WireIdentity -Handle admin -WireHome (Get-TestHome 'new') } }
        @{ Name = 'another handle for an identity'; Id = 'WireIdentityExists'; Category = 'ResourceExists'; Script = { Initialize-WireIdentity -Handle another -WireHome $wireHome } }
        @{ Name = 'stopping a daemon that does not run'; Id = 'WireDaemonNotRunning'; Category = 'ObjectNotFound'; Script = { Stop-WireDaemon -WireHome $wireHome } }
        @{ Name = 'stopping a relay that does not run'; Id = 'WireRelayNotRunning'; Category = 'ObjectNotFound'; Script = { Stop-WireRelay -WireHome $wireHome } }
        @{ Name = 'testing a relay that nobody has set'; Id = 'WireRelayNotConfigured'; Category = 'InvalidArgument'; Script = { Test-WireRelay -WireHome $wireHome } }
    ) {
        $records = @(Get-ErrorOf $Script)
        $records.Count | Should -Be 1
        $records[0].FullyQualifiedErrorId | Should -BeLike "$Id,WirePS.Module.Commands.*"
        $records[0].CategoryInfo.Category | Should -Be $Category
        $records[0].ErrorDetails.RecommendedAction | Should -Be ([WirePS.WireErrorCatalogue]::Of($records[0].Exception.Reason).Action)
        "$($records[0])" | Should -Not -BeNullOrEmpty
    }

    It 'goes on with the other objects of a pipeline' {
        $ids = 'none', $pair.Id, 'neither'
        $found = $ids | ForEach-Object { [pscustomobject]@{ Id = $_; WireHome = $wireHome } } | Get-WirePendingPair -ErrorAction SilentlyContinue -ErrorVariable failures
        $found.Id | Should -Be $pair.Id
        $failures.TargetObject | Should -Be 'none', 'neither'
    }

    It 'can be caught' {
        { Get-WirePeer nobody -WireHome $wireHome -ErrorAction Stop } | Should -Throw -ErrorId 'WirePeerNotFound,*'
        { New-WirePair -Detach -WireHome $wireHome } | Should -Throw -ErrorId 'WireRelayNotConfigured,*'
    }

    It 'refuses a home that a running wire uses' {
        $foreign = Get-TestHome 'foreign'
        $state = New-Item -ItemType Directory -Path "$foreign/state/wire"
        Set-Content -Path "$state/daemon.pid" -Value $PID
        if (-not $IsWindows) { chmod 600 "$state/daemon.pid" }
        $record = Get-ErrorOf { Get-WirePendingPair -WireHome $foreign }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireHomeInUse,*'
    }

    It 'says what a relay that does not answer means' {
        $health = Test-WireRelay $relay
        $health.Healthy | Should -BeFalse
        $health.Reason | Should -Be 'RelayUnreachable'
        $health.Advice | Should -Not -BeNullOrEmpty
    }

    It 'makes a relay that does not answer a warning of the tick' {
        Invoke-WireTick -WireHome $wireHome -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        "$warnings" | Should -BeLike "*$($pair.Id)*"
        (Get-WirePendingPair -Id $pair.Id -WireHome $wireHome).LastError | Should -Not -BeNullOrEmpty
    }
}

Describe 'Files that cannot be used' -Skip:$IsWindows {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'files'
        $pairs = 1..4 | ForEach-Object { New-WirePair -Detach -Relay 'http://127.0.0.1:9' -WireHome $wireHome -WarningAction Ignore }
        $folder = "$wireHome/state/wire/pending-pair"
        $names = @(Get-ChildItem -Path $folder -Filter *.json | Sort-Object Name)
        $codes = $names.BaseName
        chmod 644 $names[0].FullName
        Set-Content -Path $names[1].FullName -Value '{"code":"torn' -NoNewline
        Set-Content -Path $names[2].FullName -Value ((Get-Content -Raw $names[2].FullName) -replace '"protocol": \d+', '"protocol": 99') -NoNewline
        $good = $codes[3]
    }

    It 'reports each, and lists the others' {
        $found = @(Get-WirePendingPair -WireHome $wireHome -ErrorAction SilentlyContinue -ErrorVariable failures)
        $found.Count | Should -Be 1
        $found[0].Code.Replace('-', '') | Should -Be $good.Replace('-', '')
        $failures.FullyQualifiedErrorId | Sort-Object | Should -BeLike 'WireFile*'
        ($failures.FullyQualifiedErrorId | Sort-Object | ForEach-Object { $_.Split(',')[0] }) -join ' ' | Should -Be 'WireFileCorrupt WireFileNewerVersion WireFileNotPrivate'
    }

    It 'tells the file by its path, and nowhere else the code' {
        $null = Get-WirePendingPair -WireHome $wireHome -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.TargetObject.Path | Sort-Object | Should -Be ($names[0..2].FullName | Sort-Object)
        $shown = $failures | ForEach-Object { $_ | Format-List -Property * -Force | Out-String; $_ | Out-String; "$_"; Get-Error -InputObject $_ | Out-String; $_.CategoryInfo.ToString() } | Out-String
        foreach ($code in $codes) {
            $shown | Should -Not -BeLike "*$code*"
        }
    }

    It 'does not keep the tick from the others' {
        Invoke-WireTick -WireHome $wireHome -ErrorAction SilentlyContinue -ErrorVariable failures -WarningVariable warnings -WarningAction SilentlyContinue
        @($failures).Count | Should -Be 3
        @($warnings).Count | Should -Be 1
        foreach ($code in $codes) {
            ($failures | Format-List -Property * -Force | Out-String) | Should -Not -BeLike "*$code*"
        }
    }

    It 'refuses a file of another user' -Skip:($IsWindows -or (id -u) -ne 0) {
        $names[0] | ForEach-Object { chmod 600 $_.FullName; chown 12345 $_.FullName }
        $record = Get-ErrorOf { Get-WirePendingPair -WireHome $wireHome } | Where-Object FullyQualifiedErrorId -Like 'WireFileForeignOwner,*'
        $record.CategoryInfo.Category | Should -Be 'SecurityError'
    }
}
